"""Voila, held to the live pages of one folder, to this machine, and to who has the address.

Left as it is, Voila runs any notebook below its folder, shows any picture there, answers to any
name that leads to this machine (so that a web page elsewhere can read it by rebinding its own
name), takes another port where one is taken, and loads fonts from other machines.
"""

import errno
import secrets
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nbformat
import tornado.ioloop
import tornado.web
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_server.auth.identity import IdentityProvider
from jupyter_server.base.handlers import FileFindHandler, JupyterHandler
from jupyter_server.services.kernels.handlers import KernelHandler
from traitlets.config import Config
from voila.app import Voila
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.static_file_handler import MultiStaticFileHandler, TemplateStaticFileHandler
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

from synvae_workbench.live.server.pages import Page, live_notebook, live_pages, page_parameters

HERE = Path(__file__).parent
HOST = "127.0.0.1"
PORT = 8866
MOST_KERNELS = 8  # each holds its models in memory
IDLE_SECONDS = 600  # a kernel without a page, as after a crash of the browser
KERNEL = r"(?P<kernel_id>\w+-\w+-\w+-\w+-\w+)"
# Whatever a page or a notebook tries, its browser fetches from this server alone.
POLICY = (
    "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)


def explore(
    folder: Path,
    *,
    parameters: Mapping[str, str] | None = None,
    port: int = PORT,
    ready: Callable[[str], None],
) -> None:
    """Serves the live pages of a folder of notebooks, until it is interrupted.

    Args:
        parameters: values as text; each page takes those that it declares.
        port: where on 127.0.0.1; 0 for any that is free.
        ready: called with the address, token included, once it answers.

    Raises:
        ValueError: if there is no live page, a parameter that none declares, or the port is taken.
    """
    pages = live_pages(folder)
    given = page_parameters(pages, parameters or {})
    app = _Explore(config=_configuration(folder), config_file_paths=[])
    app.pages, app.given, app.wanted, app.ready = pages, given, port, ready
    app.initialize([])
    app.start()


def _configuration(folder: Path) -> Config:
    config = Config()
    config.Voila.root_dir = str(folder.resolve())
    config.Voila.ip = HOST
    config.Voila.open_browser = False
    config.Voila.log_level = "ERROR"
    config.Voila.token = secrets.token_urlsafe(16)
    config.Voila.identity_provider_class = _ByAddress
    config.VoilaConfiguration.kernel_spec_manager_class = _ThisInterpreter
    config.VoilaConfiguration.allow_template_override = "NO"
    config.VoilaConfiguration.allow_theme_override = "NO"
    config.VoilaConfiguration.show_tracebacks = True  # to the owner of the machine
    config.VoilaConfiguration.extension_allowlist = [
        "@jupyter-widgets/jupyterlab-manager",
        "@voila-dashboards/widgets-manager8",
        "anywidget",
    ]
    config.VoilaExecutor.startup_timeout = 180
    if sys.platform == "linux":  # elsewhere folders' names may be too long for it
        config.KernelManager.transport = "ipc"  # files of the user's own, which no other can read
    config.MappingKernelManager.cull_idle_timeout = IDLE_SECONDS
    config.MappingKernelManager.cull_interval = 60
    return config


class _ThisInterpreter(KernelSpecManager):
    """The kernel of this very interpreter, whatever kernels are registered on the machine."""

    def find_kernel_specs(self) -> dict[str, str]:
        return {"python3": str(HERE)}

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        package = str(HERE.parents[2])  # also from a checkout that is run without being installed
        return KernelSpec(
            argv=command,
            language="python",
            display_name="Python 3",
            env={"PYTHONPATH": package, "PYDEVD_DISABLE_FILE_VALIDATION": "1"},
        )


class _ByAddress(IdentityProvider):
    """Who comes by the address that was printed, and has its cookie from then on."""

    def get_handlers(self) -> list:
        return []  # no form to log in


class _InWords(JupyterHandler):
    """Says in words what is wrong."""

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        reason = getattr(kwargs.get("exc_info", (None, None))[1], "reason", None)
        said = reason or SAID.get(status_code, WRONG)
        self.finish(_rendered(self, "error.html", status=status_code, said=said))

    def get_login_url(self) -> str:
        raise tornado.web.HTTPError(403)


# The notes at the head of the start page: x, y and length of each.
ROLL = [
    *[(0, 80, 70), (80, 60, 30), (120, 40, 30), (160, 60, 70), (240, 20, 30), (280, 40, 30)],
    *[(320, 60, 70), (400, 80, 30), (440, 60, 30), (480, 40, 30), (520, 20, 30), (560, 40, 70)],
]
WRONG = "Something went wrong here; the terminal that runs make explore may say more."
SAID = {
    403: "This page opens by the whole address that make explore printed, token included.",
    404: "There is no such page here.",
    503: f"{MOST_KERNELS} pages are open, each with models in memory: close one, and reload.",
}


def _rendered(handler: JupyterHandler, name: str, **values: object) -> str:
    handler.set_header("Content-Type", "text/html; charset=utf-8")
    handler.set_header("Cache-Control", "no-store")
    return handler.settings["voila_jinja2_env"].get_template(name).render(**values)


class _Start(_InWords):
    """The start page."""

    @tornado.web.authenticated
    def get(self) -> None:
        if self.get_argument("token", None):  # it is in the cookie now, and need not be in view
            self.redirect(self.base_url)
        else:
            pages = self.settings["voila"].pages
            self.finish(_rendered(self, "start.html", pages=pages, roll=ROLL))


class _Missing(_InWords):
    """What is none of the pages."""

    def prepare(self) -> None:
        raise tornado.web.HTTPError(404)


class _Live(_InWords, TornadoVoilaHandler):
    """One of the pages, with a kernel of its own."""

    @tornado.web.authenticated
    async def get(self, name: str) -> None:
        if len(self.kernel_manager.list_kernel_ids()) >= MOST_KERNELS:
            raise tornado.web.HTTPError(503)
        _ = self.xsrf_token  # sets its cookie, without which a page cannot end its kernel
        await super().get(f"{name}.ipynb")


class _Kernel(KernelHandler):
    """What kind of kernel a page has, to look at only."""

    SUPPORTED_METHODS = ("GET",)


class _Explore(Voila):
    name = "voila"
    pages: list[Page]
    given: dict[str, dict[str, Any]]
    wanted: int
    ready: Callable[[str], None]

    def setup_template_dirs(self) -> None:
        super().setup_template_dirs()
        self.template_paths.insert(0, str(HERE / "template"))
        self.voila_configuration.prelaunch_hook = self.launched

    def launched(
        self, handler: JupyterHandler, notebook: nbformat.NotebookNode, cwd: str
    ) -> nbformat.NotebookNode:
        """What a page runs, when it is about to."""
        name = handler.path_args[0]
        page = next(page for page in self.pages if page.name == name)
        return live_notebook(notebook, page, self.given[name])

    def init_settings(self) -> dict[str, Any]:
        return super().init_settings() | {
            "allow_remote_access": False,
            "local_hostnames": ["localhost"],
            "headers": {"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin"},
        }

    def init_handlers(self) -> list:
        names = "|".join(page.name for page in self.pages)
        live = {
            "template_paths": self.template_paths,
            "config": self.config,
            "voila_configuration": self.voila_configuration,
        }
        static = {"paths": self.static_paths}
        extensions = {"path": self.labextensions_path, "no_cache_paths": ["/"]}
        return [
            (r"/", _Start),
            (rf"/({names})", _Live, live),
            (rf"/api/kernels/{KERNEL}", _Kernel),
            (rf"/api/kernels/{KERNEL}/channels", VoilaKernelWebsocketHandler),
            (rf"/voila/api/shutdown/{KERNEL}", VoilaShutdownKernelHandler),
            (r"/voila/templates/(lab/static/[\w.-]+)", TemplateStaticFileHandler),
            (r"/voila/static/([\w.-]+)", MultiStaticFileHandler, static),
            (r"/voila/labextensions/([\w./@-]+)", FileFindHandler, extensions),
            (r".*", _Missing),
        ]

    def listen(self) -> None:
        """Listens on the port that was asked for, or on none."""
        try:
            sockets = tornado.netutil.bind_sockets(self.wanted, HOST)
        except OSError as error:
            self.stop()
            raise ValueError(_refused(self.wanted, error)) from error
        server = tornado.httpserver.HTTPServer(self.app)
        server.add_sockets(sockets)
        self.port = sockets[0].getsockname()[1]
        self.ioloop = tornado.ioloop.IOLoop.current()
        self.ready(f"http://{HOST}:{self.port}/?token={self.token}")
        try:
            self.ioloop.start()
        except KeyboardInterrupt:
            pass  # how it is meant to end
        finally:
            self.stop()


def _refused(port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"port {port} is taken, perhaps by another `make explore`: end that, or choose another "
            "port, as in `make explore PORT=8867`"
        )
    return f"port {port} of {HOST} cannot be used ({error.strerror}): choose one above 1023"
