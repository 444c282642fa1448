"""Characters in a browser: three.js as its authors ship it (MIT, see three/LICENSE), and a view of one character."""
