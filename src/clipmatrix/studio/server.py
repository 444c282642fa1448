"""The studio on the net: the one door to the web library; knows nothing of what is served."""

import os
import signal
import socket
import threading
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from clipmatrix.errors import ClipMatrixError, ConfigError
from clipmatrix.studio.guard import LOOPBACK, Guard

INSTALL = "the studio needs Gradio, which is an extra: pip install 'clipmatrix[studio]'"
_SHORTEST_PASSWORD = 8


@dataclass(frozen=True)
class ServerConfig:
    """Where the studio listens. Without a ``port`` the first free one from 7860 is taken."""

    runs: Path
    host: str = "127.0.0.1"
    port: int | None = None
    password: str | None = None
    is_shared: bool = False
    opens_browser: bool = True

    def __post_init__(self) -> None:
        if self.port is not None and not 1 <= self.port <= 65535:
            raise ConfigError(f"port must be from 1 to 65535, not {self.port}: use for instance 7860")
        is_open = self.is_shared or self.host not in LOOPBACK
        if is_open and not self.password:
            where = "--share" if self.is_shared else f"--host {self.host}"
            raise ConfigError(f"{where} lets others in, and wants a password: set CLIPMATRIX_STUDIO_PASSWORD")
        if self.password is not None and len(self.password) < _SHORTEST_PASSWORD:
            raise ConfigError(f"the password has {len(self.password)} characters: use {_SHORTEST_PASSWORD} or more")


def serve(config: ServerConfig, say: Callable[[str], None]) -> None:
    """Serves until SIGINT or SIGTERM; ``say`` is told where. A job that is at work is ended, and goes on next time.

    Raises:
        ConfigError: the web library is missing, or the port is taken.
        RunError: another studio has the folder, or it cannot be written to.
    """
    _quieten_library(config.runs)
    try:
        from gradio import Server
    except ImportError as error:
        raise ConfigError(INSTALL) from error
    from clipmatrix.studio.routes import content_policy, install
    from clipmatrix.studio.studio import Studio

    studio = Studio(config.runs)
    names = [config.host, socket.gethostname(), f"{socket.gethostname()}.local"] if config.password else []
    guards: list[Guard] = []

    class GuardedServer(Server):
        """The guard outside of everything, also of what the library adds when it is launched."""

        def build_middleware_stack(self) -> Any:
            guards.append(Guard(super().build_middleware_stack(), content_policy(), config.password, names))
            return guards[-1]

    app = GuardedServer(title="ClipMatrix studio", docs_url=None, redoc_url=None, openapi_url=None)
    install(app, studio)
    _add_functions(app, studio)
    is_over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: is_over.set())
    studio.foreman.start()
    try:
        url, shared = _launch(app, config)
        if shared:
            for guard in guards:
                guard.hosts.add(urlsplit(shared).hostname or "")
            say(f"shared at {shared}")
        elif config.is_shared:
            say("no public link could be made, since Gradio's servers do not answer")
        say(f"the studio is open at {url} (Ctrl-C closes it)")
        if config.opens_browser:
            webbrowser.open(url)
        is_over.wait()
    finally:
        studio.foreman.close(ends_worker=True)


def _quieten_library(runs: Path) -> None:
    """Nothing is told to anybody, and nothing is written outside the runs; must come before the library's import."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_TEMP_DIR"] = str(runs.resolve() / ".studio" / "gradio")
    os.environ["GRADIO_SHARE"] = "False"
    os.environ["GRADIO_MCP_SERVER"] = "False"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"


def _launch(app: Any, config: ServerConfig) -> tuple[str, str | None]:
    """The address, and the shared one."""
    try:
        _, url, shared = app.launch(
            server_name=config.host,
            server_port=config.port,
            share=config.is_shared,
            inbrowser=False,
            inline=False,
            prevent_thread_lock=True,
            quiet=True,
            ssr_mode=False,
            mcp_server=False,
            enable_monitoring=False,
            max_file_size=1,
            num_workers=0,
        )
    except OSError as error:
        where = f"port {config.port}" if config.port else "every port from 7860 to 7959"
        raise ConfigError(f"{where} of {config.host} cannot be used ({error}): choose another --port") from error
    return url, shared


def _add_functions(app: Any, studio: Any) -> None:
    """What programs may call through the library's client: ``Client(URL).predict(..., api_name="/create")``."""

    @app.api(name="create", description="Queues a character; returns the names of its runs.")
    def create(prompt: str, quality: str = "standard", seed: int = 0, variations: int = 1) -> list:
        form = {"prompt": prompt, "quality": quality, "seed": seed, "variations": variations}
        try:
            return [job["name"] for job in studio.submit(form)]
        except ClipMatrixError as error:
            from gradio import Error

            raise Error(str(error), print_exception=False) from error

    @app.api(name="jobs", description="The queue: names, states and progress.")
    def jobs() -> list:
        return studio.state()["jobs"]
