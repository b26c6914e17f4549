"""Voila, held to the live pages of one folder, to this machine, and to who has the address.

Left as it is, Voila runs any notebook below its folder, shows any picture there, answers to any
name that leads to this machine (so that a web page elsewhere can read it by rebinding its own
name), takes another port where one is taken, and loads fonts from other machines. Its settings
mend all but the first two: which addresses there are is no setting, and is said in `_LivePages`.
"""

import errno
import os
import secrets
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jinja2
import nbformat
import tornado.ioloop
import tornado.netutil
import tornado.web
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_server.auth.authorizer import Authorizer
from jupyter_server.auth.identity import IdentityProvider, User
from jupyter_server.base.handlers import FileFindHandler, JupyterHandler, Template404
from jupyter_server.services.kernels.handlers import KernelHandler
from traitlets.config import Config
from voila.app import Voila
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.static_file_handler import MultiStaticFileHandler, TemplateStaticFileHandler
from voila.tornado.kernel_websocket_handler import VoilaKernelWebsocketHandler

from synvae_workbench.live.server.handlers import (
    ELSEWHERE,
    LivePage,
    PageSocket,
    refuse_other_sites,
)
from synvae_workbench.live.server.kernels import (
    ALONE_SECONDS,
    CHECK_SECONDS,
    MOST_KERNELS,
    PageKernels,
    pass_over_ended,
)
from synvae_workbench.live.server.pages import Page, live_notebook, live_pages, page_parameters
from synvae_workbench.places import kernel_command, kernel_folder, python_path
from synvae_workbench.sockets import socket_folder

HERE = Path(__file__).parent
TEMPLATES = HERE / "template"
HOST = "127.0.0.1"
PORT = 8866
LAST_PORT = 65_535
RETRY_SECONDS = 10  # after which a page that found no room asks again
# No page of another site acts with the cookies of who has the address.
SAME_SITE = {"samesite": "Strict"}
LONGEST_SOCKET = f"voila_12345678/kernel-{uuid.UUID(int=0)}-ipc-5"  # of those of a page
# Whatever a page or a notebook tries, its browser fetches from this server alone.
POLICY = (
    "default-src 'self' data: blob: 'unsafe-inline' 'unsafe-eval'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
# The notes at the head of the start page: x, y and length of each.
ROLL = [
    *[(0, 80, 70), (80, 60, 30), (120, 40, 30), (160, 60, 70), (240, 20, 30), (280, 40, 30)],
    *[(320, 60, 70), (400, 80, 30), (440, 60, 30), (480, 40, 30), (520, 20, 30), (560, 40, 70)],
]

# Of Voila's own addresses, those that a live page asks for.
LOADED = (
    KernelHandler,
    VoilaKernelWebsocketHandler,
    VoilaShutdownKernelHandler,
    TemplateStaticFileHandler,
    MultiStaticFileHandler,
    FileFindHandler,
)

PreparePage = Callable[..., nbformat.NotebookNode]


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
        ValueError: if there is no live page, a parameter that none declares, or the port is taken
            or none.
    """
    pages = live_pages(folder)
    values = page_parameters(pages, parameters or {})
    config = _configuration(folder, _free_port(port), _prelaunch_hook(pages, values))
    with socket_folder(LONGEST_SOCKET) as sockets:
        config.Voila.connection_dir_root = str(sockets)
        app = _LivePages(config=config, config_file_paths=[])
        app.pages = pages
        app.initialize([])
        app.template_paths.insert(0, str(TEMPLATES))
        app.tornado_settings = _tornado_settings(pages)
        address = f"http://{HOST}:{app.port}/?token={app.token}"
        loop = tornado.ioloop.IOLoop.current()
        loop.asyncio_loop.set_exception_handler(pass_over_ended)
        loop.add_callback(ready, address)  # the first that the loop does
        app.start()


def _configuration(folder: Path, port: int, prelaunch_hook: PreparePage) -> Config:
    """Voila's and Jupyter's settings, each under the class that documents it."""
    config = Config()
    config.Voila.root_dir = str(folder.resolve())
    config.Voila.ip = HOST
    config.Voila.port = port
    config.Voila.port_retries = 0
    config.Voila.open_browser = False
    config.Voila.log_level = "ERROR"
    config.Voila.token = secrets.token_urlsafe(16)
    config.Voila.identity_provider_class = _ByAddress
    config.Voila.authorizer_class = _ReadAndExecute
    config.IdentityProvider.cookie_options = SAME_SITE
    config.VoilaConfiguration.prelaunch_hook = prelaunch_hook
    config.VoilaConfiguration.kernel_spec_manager_class = _ThisInterpreter
    config.VoilaConfiguration.multi_kernel_manager_class = PageKernels
    config.VoilaConfiguration.allow_template_override = "NO"
    config.VoilaConfiguration.allow_theme_override = "NO"
    config.VoilaConfiguration.show_tracebacks = True  # to the owner of the machine
    config.VoilaConfiguration.extension_allowlist = [
        "@jupyter-widgets/jupyterlab-manager",
        "@voila-dashboards/widgets-manager8",
        "anywidget",
    ]
    config.VoilaExecutor.startup_timeout = 180
    if os.name != "nt":
        config.KernelManager.transport = "ipc"  # files of the user's own, which no other can read
    config.MappingKernelManager.root_dir = str(kernel_folder(folder))
    config.MappingKernelManager.cull_idle_timeout = ALONE_SECONDS
    config.MappingKernelManager.cull_interval = CHECK_SECONDS
    config.KernelRestarter.restart_limit = 0  # a page is of no use to an empty kernel
    config.KernelRestarter.time_to_dead = 1.0
    return config


def _tornado_settings(pages: list[Page]) -> dict[str, Any]:
    """Settings of the web server; the words of its pages are in the templates."""
    loader = jinja2.FileSystemLoader(TEMPLATES)
    return {
        "allow_remote_access": False,
        "local_hostnames": ["localhost"],
        "headers": {"Content-Security-Policy": POLICY, "Referrer-Policy": "same-origin"},
        "default_handler_class": Template404,
        "jinja2_env": jinja2.Environment(loader=loader, autoescape=True),
        "jinja_template_vars": {
            "pages": pages,
            "roll": ROLL,
            "most_kernels": MOST_KERNELS,
            "retry_seconds": RETRY_SECONDS,
            "elsewhere": ELSEWHERE,
        },
        "xsrf_cookie_kwargs": {"path": "/"} | SAME_SITE,
    }


def _prelaunch_hook(pages: list[Page], values: Mapping[str, Mapping[str, Any]]) -> PreparePage:
    """Makes a function that prepares the notebook of a page."""
    by_address = {f"/{page.name}": page for page in pages}

    def prepare_page(
        handler: JupyterHandler, notebook: nbformat.NotebookNode, cwd: str
    ) -> nbformat.NotebookNode:
        _ = handler.xsrf_token  # sets its cookie, without which a page cannot end its kernel
        page = by_address[handler.request.path]
        return live_notebook(notebook, page, values[page.name])

    return prepare_page


class _ThisInterpreter(KernelSpecManager):
    """The kernel of this very interpreter, whatever kernels are registered on the machine."""

    def find_kernel_specs(self) -> dict[str, str]:
        return {"python3": str(HERE)}

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        return KernelSpec(
            argv=kernel_command(),
            language="python",
            display_name="Python 3",
            env={"PYTHONPATH": python_path(), "PYDEVD_DISABLE_FILE_VALIDATION": "1"},
        )


class _ByAddress(IdentityProvider):
    """Lets in who has the printed address, by its cookie from then on, and no one else."""

    async def get_user(self, handler: JupyterHandler) -> User:
        user = await super().get_user(handler)
        if user is None:  # refused here, as there is no form to log in to which one could be led
            handler.current_user = None
            refuse_other_sites(handler)
            raise tornado.web.HTTPError(403)
        return user


class _ReadAndExecute(Authorizer):
    """Lets a page ask what kind of kernel it has and talk to it, and nothing else."""

    def is_authorized(
        self, handler: JupyterHandler, user: User, action: str, resource: str
    ) -> bool:
        return action in ("read", "execute")


class _StartPage(JupyterHandler):
    """The start page, which links the live pages; the address with the token opens the first."""

    def initialize(self, first: str) -> None:
        self.first = first

    @tornado.web.authenticated
    def get(self) -> None:
        if self.get_argument("token", None):  # it is in the cookie now, and need not be in view
            self.redirect(f"{self.base_url}{self.first}")
        else:
            self.set_header("Cache-Control", "no-store")
            self.finish(self.render_template("start.html"))


class _LivePages(Voila):
    """Voila with the addresses of the start page, the live pages, and what these load."""

    name = "voila"
    pages: list[Page]

    def init_handlers(self) -> list:
        shared = {
            "template_paths": self.template_paths,
            "config": self.config,
            "voila_configuration": self.voila_configuration,
        }
        live = [
            (f"/{page.name}", LivePage, shared | {"notebook_path": page.path.name})
            for page in self.pages
        ]
        own = {VoilaKernelWebsocketHandler: PageSocket}
        used = [
            (rule[0], own.get(rule[1], rule[1]), *rule[2:])
            for rule in super().init_handlers()
            if rule[1] in LOADED
        ]
        return [("/", _StartPage, {"first": self.pages[0].name}), *live, *used]


def _free_port(port: int) -> int:
    """Checks that a port is free; for 0, finds one.

    Raises:
        ValueError: if it cannot be listened on.
    """
    if not 0 <= port <= LAST_PORT:  # the system would take the rest of a division by 65536
        raise ValueError(f"port {port} is none: choose one of 1024 to {LAST_PORT}, or 0 for any")
    try:
        sockets = tornado.netutil.bind_sockets(port, HOST)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise ValueError(
                f"port {port} is taken, perhaps by another `make explore`: end that, or choose "
                "another port, as in `make explore PORT=8867`"
            ) from error
        raise ValueError(
            f"port {port} of {HOST} cannot be used ({error.strerror}): choose one above 1023"
        ) from error
    number = sockets[0].getsockname()[1]
    for each in sockets:
        each.close()
    return number
