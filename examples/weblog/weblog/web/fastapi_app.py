"""The blog with FastAPI: `uvicorn --factory weblog.web.fastapi_app:create_app`.

The pages are plain functions: FastAPI runs them in threads, where hashing a password keeps nobody waiting.
"""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates
from sequent_sa import OptimisticLockingError, Sequent
from starlette.datastructures import FormData
from starlette.middleware.sessions import SessionMiddleware

from weblog.app import app
from weblog.domain.author import AddAuthor
from weblog.domain.post import AddPost, EditPost, NotTheAuthor
from weblog.records import AuthorRecord
from weblog.web import queries
from weblog.web.forms import AUTHOR, POST, Form, about, execute, opened, reopened
from weblog.web.settings import STATIC, TEMPLATES, secret_key

pages = APIRouter()
templates = Jinja2Templates(TEMPLATES)


def create_app(blog: Sequent = app) -> FastAPI:
    """A web application on the blog; any number of them can live in one process."""
    web = FastAPI(openapi_url=None)
    web.state.blog = blog
    web.add_middleware(SessionMiddleware, secret_key=secret_key(blog), same_site="lax")
    web.mount("/static", StaticFiles(directory=STATIC))
    web.include_router(pages)
    web.add_exception_handler(NotTheAuthor, not_the_author)
    web.add_exception_handler(404, lambda request, _: page(request, "message.html", 404, text="There is no such page."))
    return web


async def read_form(request: Request) -> FormData:
    """The form that was sent."""
    return await request.form()


def running_blog(request: Request) -> Sequent:
    """The application behind this web application."""
    found: Sequent = request.app.state.blog
    return found


def signed_in(request: Request) -> AuthorRecord | None:
    """Who looks at the page."""
    author_id = request.session.get("author_id")
    return queries.author(running_blog(request), UUID(author_id)) if author_id else None


def signed_in_author(request: Request) -> AuthorRecord:
    """Who looks at the page. Raises `NotTheAuthor` when that is nobody."""
    found = signed_in(request)
    if found is None:
        raise NotTheAuthor("nobody is signed in")
    return found


def shown_post(post_id: str, request: Request) -> queries.ShownPost:
    """The post that the address names."""
    found = queries.post(running_blog(request), id_in(post_id))
    if found is None:
        raise HTTPException(404)
    return found


def own_post(
    shown: Annotated[queries.ShownPost, Depends(shown_post)], author: Annotated[AuthorRecord, Depends(signed_in_author)]
) -> queries.ShownPost:
    """The post that the address names. Raises `NotTheAuthor` for a post of somebody else."""
    if shown.post.author_id != author.aggregate_id:
        raise NotTheAuthor("only its author may edit a post")
    return shown


Blog = Annotated[Sequent, Depends(running_blog)]
Sent = Annotated[FormData, Depends(read_form)]
SignedIn = Annotated[AuthorRecord, Depends(signed_in_author)]
Shown = Annotated[queries.ShownPost, Depends(shown_post)]
Own = Annotated[queries.ShownPost, Depends(own_post)]


@pages.get("/")
def posts(request: Request, blog: Blog) -> Response:
    """What was written last."""
    return page(request, "posts.html", posts=queries.newest_posts(blog))


@pages.get("/authors")
def authors(request: Request, blog: Blog) -> Response:
    """Who writes."""
    return page(request, "authors.html", authors=queries.authors(blog))


@pages.get("/authors/{author_id}")
def author(request: Request, blog: Blog, author_id: str) -> Response:
    """One author, with posts."""
    found = queries.author(blog, id_in(author_id))
    if found is None:
        raise HTTPException(404)
    return page(request, "author.html", author=found, posts=queries.newest_posts(blog, found.aggregate_id))


@pages.get("/sign-up")
def sign_up_form(request: Request) -> Response:
    """The form for becoming an author."""
    return page(request, "sign_up.html", form=Form())


@pages.post("/sign-up")
def sign_up(request: Request, blog: Blog, sent: Sent) -> Response:
    """Become an author."""
    author_id = blog.new_uuid()
    params = AddAuthor.from_params(about(author_id, sent.multi_items(), AUTHOR), prefix=AUTHOR)
    if form := execute(blog, params):
        return page(request, "sign_up.html", 422, form=form)
    request.session["author_id"] = str(author_id)
    return to("/posts/new")


@pages.get("/sign-in")
def sign_in_form(request: Request) -> Response:
    """The form for saying who you are."""
    return page(request, "sign_in.html")


@pages.post("/sign-in")
def sign_in(request: Request, blog: Blog, sent: Sent) -> Response:
    """Say who you are."""
    email, password = str(sent.get("email", "")), str(sent.get("password", ""))
    author_id = queries.author_who_signs_in(blog, email, password)
    if author_id is None:
        return page(request, "sign_in.html", 422, email=email, failed=True)
    request.session["author_id"] = str(author_id)
    return to("/")


@pages.post("/sign-out")
def sign_out(request: Request) -> Response:
    """Be nobody again."""
    request.session.clear()
    return to("/")


@pages.get("/posts/new", dependencies=[Depends(signed_in_author)])
def add_post_form(request: Request) -> Response:
    """The form for writing a post."""
    return page(request, "add_post.html", form=Form())


@pages.post("/posts/new")
def add_post(request: Request, blog: Blog, sent: Sent, user: SignedIn) -> Response:
    """Write a post."""
    post_id = blog.new_uuid()
    fields = about(post_id, sent.multi_items(), POST)
    if form := execute(blog, AddPost.from_params(fields, prefix=POST, user_id=user.aggregate_id)):
        return page(request, "add_post.html", 422, form=form)
    return to(f"/posts/{post_id}")


@pages.get("/posts/{post_id}")
def post(request: Request, shown: Shown) -> Response:
    """Read a post."""
    return page(request, "post.html", shown=shown)


@pages.get("/posts/{post_id}/edit")
def edit_post_form(request: Request, shown: Own) -> Response:
    """The form for changing a post."""
    return page(request, "edit_post.html", shown=shown, form=opened(shown.post))


@pages.post("/posts/{post_id}/edit")
def edit_post(request: Request, blog: Blog, sent: Sent, user: SignedIn, shown: Own) -> Response:
    """Change a post."""
    fields = about(shown.post.aggregate_id, sent.multi_items(), POST)
    params = EditPost.from_params(fields, prefix=POST, user_id=user.aggregate_id)
    try:
        if form := execute(blog, params):
            return page(request, "edit_post.html", 422, shown=shown, form=form)
    except OptimisticLockingError:
        now = shown_post(str(shown.post.aggregate_id), request)
        return page(request, "conflict.html", 409, shown=now, form=reopened(params, now.post))
    return to(f"/posts/{shown.post.aggregate_id}")


def not_the_author(request: Request, _error: Exception) -> Response:
    """What the domain refuses, as a page."""
    if signed_in(request) is None:
        return to("/sign-in")
    return page(request, "message.html", 403, text="Only its author may edit a post.")


def id_in(path: str) -> UUID:
    """An id in an address. Raises `HTTPException` for what is none."""
    try:
        return UUID(path)
    except ValueError:
        raise HTTPException(404) from None


def page(request: Request, template: str, status: int = 200, **context: Any) -> Response:
    """A page for whoever looks at it."""
    context["signed_in"] = signed_in(request)
    return templates.TemplateResponse(request, template, context, status_code=status)


def to(path: str) -> Response:
    """Look at another page."""
    return RedirectResponse(path, status_code=303)
