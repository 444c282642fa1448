"""The judge: a text-image encoder of its own kind that measures finished characters; it never guides anything."""
