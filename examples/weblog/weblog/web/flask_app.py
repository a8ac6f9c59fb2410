"""The blog with Flask: `flask --app weblog.web.flask_app run`."""

from typing import Any
from uuid import UUID

from flask import Blueprint, Flask, Response, abort, current_app, redirect, render_template, request, session
from sequent_sa import OptimisticLockingError, Sequent

from weblog.app import app
from weblog.domain.author import AddAuthor
from weblog.domain.post import AddPost, EditPost, NotTheAuthor
from weblog.records import AuthorRecord
from weblog.web import queries
from weblog.web.forms import AUTHOR, POST, Fields, Form, about, execute, opened, reopened
from weblog.web.settings import STATIC, TEMPLATES, secret_key

Answer = Response | tuple[str, int]

pages = Blueprint("pages", __name__)


def create_app(blog: Sequent = app) -> Flask:
    """A web application on the blog; any number of them can live in one process."""
    web = Flask(__name__, template_folder=TEMPLATES, static_folder=STATIC)
    web.config["SECRET_KEY"] = secret_key(blog)
    web.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    web.extensions["blog"] = blog
    web.register_blueprint(pages)
    web.register_error_handler(NotTheAuthor, not_the_author)
    web.register_error_handler(404, lambda _error: page("message.html", 404, text="There is no such page."))
    return web


@pages.get("/")
def posts() -> Answer:
    """What was written last."""
    return page("posts.html", posts=queries.newest_posts(blog()))


@pages.get("/authors")
def authors() -> Answer:
    """Who writes."""
    return page("authors.html", authors=queries.authors(blog()))


@pages.get("/authors/<uuid:author_id>")
def author(author_id: UUID) -> Answer:
    """One author, with posts."""
    found = queries.author(blog(), author_id) or abort(404)
    return page("author.html", author=found, posts=queries.newest_posts(blog(), author_id))


@pages.route("/sign-up", methods=["GET", "POST"])
def sign_up() -> Answer:
    """Become an author."""
    if request.method == "GET":
        return page("sign_up.html", form=Form())
    author_id = blog().new_uuid()
    params = AddAuthor.from_params(about(author_id, fields(), AUTHOR), prefix=AUTHOR)
    if form := execute(blog(), params):
        return page("sign_up.html", 422, form=form)
    session["author_id"] = str(author_id)
    return to("/posts/new")


@pages.route("/sign-in", methods=["GET", "POST"])
def sign_in() -> Answer:
    """Say who you are."""
    if request.method == "GET":
        return page("sign_in.html")
    email, password = request.form.get("email", ""), request.form.get("password", "")
    author_id = queries.author_who_signs_in(blog(), email, password)
    if author_id is None:
        return page("sign_in.html", 422, email=email, failed=True)
    session["author_id"] = str(author_id)
    return to("/")


@pages.post("/sign-out")
def sign_out() -> Answer:
    """Be nobody again."""
    session.clear()
    return to("/")


@pages.route("/posts/new", methods=["GET", "POST"])
def add_post() -> Answer:
    """Write a post."""
    user_id = signed_in_author().aggregate_id
    if request.method == "GET":
        return page("add_post.html", form=Form())
    post_id = blog().new_uuid()
    params = AddPost.from_params(about(post_id, fields(), POST), prefix=POST, user_id=user_id)
    if form := execute(blog(), params):
        return page("add_post.html", 422, form=form)
    return to(f"/posts/{post_id}")


@pages.get("/posts/<uuid:post_id>")
def post(post_id: UUID) -> Answer:
    """Read a post."""
    return page("post.html", shown=queries.post(blog(), post_id) or abort(404))


@pages.route("/posts/<uuid:post_id>/edit", methods=["GET", "POST"])
def edit_post(post_id: UUID) -> Answer:
    """Change a post."""
    user_id = signed_in_author().aggregate_id
    shown = queries.post(blog(), post_id) or abort(404)
    if shown.post.author_id != user_id:
        raise NotTheAuthor("only its author may edit a post")
    if request.method == "GET":
        return page("edit_post.html", shown=shown, form=opened(shown.post))
    params = EditPost.from_params(about(post_id, fields(), POST), prefix=POST, user_id=user_id)
    try:
        if form := execute(blog(), params):
            return page("edit_post.html", 422, shown=shown, form=form)
    except OptimisticLockingError:
        shown = queries.post(blog(), post_id) or abort(404)
        return page("conflict.html", 409, shown=shown, form=reopened(params, shown.post))
    return to(f"/posts/{post_id}")


def not_the_author(_error: NotTheAuthor) -> Answer:
    """What the domain refuses, as a page."""
    if signed_in() is None:
        return to("/sign-in")
    return page("message.html", 403, text="Only its author may edit a post.")


def blog() -> Sequent:
    """The application behind this web application."""
    found: Sequent = current_app.extensions["blog"]
    return found


def fields() -> Fields:
    """The form that was sent."""
    return request.form.items(multi=True)


def signed_in() -> AuthorRecord | None:
    """Who looks at the page."""
    author_id = session.get("author_id")
    return queries.author(blog(), UUID(author_id)) if author_id else None


def signed_in_author() -> AuthorRecord:
    """Who looks at the page. Raises `NotTheAuthor` when that is nobody."""
    found = signed_in()
    if found is None:
        raise NotTheAuthor("nobody is signed in")
    return found


def page(template: str, status: int = 200, **context: Any) -> Answer:
    """A page for whoever looks at it."""
    return render_template(template, signed_in=signed_in(), **context), status


def to(path: str) -> Response:
    """Look at another page."""
    return current_app.make_response(redirect(path, code=303))
