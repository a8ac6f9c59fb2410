"""The blog through HTTP, with Flask and with FastAPI, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest
from sqlalchemy import QueuePool, func, select
from weblog.app import PACKAGES
from weblog.domain.author import AddAuthor, AuthorAdded
from weblog.domain.post import AddPost, EditPost, NotTheAuthor

from sequent_sa import CommandNotValid, ConfigurationError, Sequent, Workflow, on
from sequent_sa.tables import events
from tests.databases import Databases
from tests.examples.page import Visitor

PASSWORD = "correct horse"


def events_in(app: Sequent) -> int:
    """How many events are stored."""
    with app.session() as session:
        return session.scalars(select(func.count()).select_from(events)).one()


def test_an_author_signs_up_writes_and_is_read(visitor: Visitor) -> None:
    """Who signs up is signed in and may write; everybody sees the post, with the author's name."""
    assert "/posts/new" == visitor.sign_up().path
    written = visitor.write("Hello <world>", "First line.\nSecond line.")
    assert (200, True) == (written.status, written.path.startswith("/posts/"))

    reader = visitor.another()
    front, page, authors = reader.get("/"), reader.get(written.path), reader.get("/authors")
    assert all(text in front.text for text in ("Hello <world>", "Ben", "First line."))
    assert all(text in page.text for text in ("Hello <world>", "Ben", "Second line."))
    (path,) = [link for link in authors.links if link.startswith("/authors/")]
    assert "Hello <world>" in reader.get(path).text
    assert f"{written.path}/edit" not in page.links
    assert f"{written.path}/edit" in visitor.get(written.path).links


def test_what_is_wrong_stands_beside_its_field(visitor: Visitor, weblog: Sequent) -> None:
    """The form comes back with what was typed, but not the password, and nothing is stored."""
    page = visitor.sign_up("x" * 81, "no address", PASSWORD)

    assert 422 == page.status
    assert {
        "author[name]": "At most 80 characters, please.",
        "author[email]": "This is not an email address.",
    } == page.errors
    assert {"author[name]": "x" * 81, "author[email]": "no address", "author[password]": ""} == page.fields
    assert PASSWORD not in page.html
    assert 0 == events_in(weblog)


def test_what_is_missing_stands_beside_its_field(visitor: Visitor) -> None:
    """An empty form says so at every field, whether the browser sends blanks or nothing."""
    expected = dict.fromkeys(["author[name]", "author[email]", "author[password]"], "Please fill this in.")
    assert expected == visitor.post("/sign-up").errors
    assert {**expected, "author[email]": "This is not an email address."} == visitor.sign_up(" ", "", " ").errors


def test_an_address_that_is_taken_is_said_beside_its_field(visitor: Visitor, weblog: Sequent) -> None:
    """Case does not matter; the rest of the form is kept, and the password is not shown."""
    visitor.sign_up()
    stored = events_in(weblog)

    page = visitor.another().sign_up("Another Ben", "bEN@SEQUENT.io", PASSWORD)

    assert 422 == page.status
    assert {"author[email]": "Somebody has signed up with this address already."} == page.errors
    assert {"author[name]": "Another Ben", "author[email]": "bEN@SEQUENT.io", "author[password]": ""} == page.fields
    assert PASSWORD not in page.html
    assert stored == events_in(weblog)


def test_an_author_signs_out_and_in(visitor: Visitor) -> None:
    """The address may be written in another way; a wrong password, or a stranger's address, is refused."""
    visitor.sign_up()
    assert "Sign in" in visitor.post("/sign-out").text
    for email, password in (("ben@sequent.io", "wrong"), ("kim@sequent.io", PASSWORD), ("", ""), ("\0", "\0")):
        refused = visitor.post("/sign-in", {"email": email, "password": password})
        assert (422, email.strip("\0")) == (refused.status, refused.fields["email"].strip("\0\ufffd"))
        assert PASSWORD not in refused.html

    signed_in = visitor.post("/sign-in", {"email": "ben@SEQUENT.io", "password": PASSWORD})

    assert ("/", True) == (signed_in.path, "Sign out" in signed_in.text)


def test_a_post_is_edited(visitor: Visitor) -> None:
    """The form has the present text; what is saved is shown."""
    visitor.sign_up()
    path = visitor.write("Helo", "Text & more").path
    form = visitor.get(f"{path}/edit")
    assert ("Helo", "Text & more") == (form.fields["post[title]"], form.fields["post[content]"])

    saved = visitor.post(f"{path}/edit", {**form.fields, "post[title]": "Hello"})

    assert (path, True) == (saved.path, "Hello" in saved.text)


def test_a_mistake_in_an_edited_post_keeps_the_form(visitor: Visitor) -> None:
    """What is wrong stands beside the field, and the version that the form was opened at stays in it."""
    visitor.sign_up()
    path = visitor.write().path
    form = visitor.get(f"{path}/edit")

    refused = visitor.post(f"{path}/edit", {**form.fields, "post[title]": " ", "post[content]": "New"})

    assert 422 == refused.status
    assert {"post[title]": "Please fill this in."} == refused.errors
    assert {**form.fields, "post[title]": " ", "post[content]": "New"} == refused.fields
    assert path == visitor.post(f"{path}/edit", {**refused.fields, "post[title]": "Fine"}).path


def test_a_post_that_changed_meanwhile_is_not_overwritten(visitor: Visitor) -> None:
    """The second of two open forms shows both texts, and can be saved for the version that is there now."""
    visitor.sign_up()
    path = visitor.write("Title", "Old").path
    first, second = visitor.get(f"{path}/edit"), visitor.get(f"{path}/edit")
    visitor.post(f"{path}/edit", {**first.fields, "post[content]": "From the first window"})

    conflict = visitor.post(f"{path}/edit", {**second.fields, "post[content]": "From the second window"})

    assert 409 == conflict.status
    assert "This post has changed meanwhile" in conflict.text
    assert "From the first window" in conflict.text
    assert "From the second window" == conflict.fields["post[content]"]
    assert "From the first window" in visitor.get(path).text
    assert "From the second window" in visitor.post(f"{path}/edit", conflict.fields).text


def test_only_its_author_may_edit_a_post(visitor: Visitor, weblog: Sequent) -> None:
    """A stranger is asked to sign in, another author is refused; the domain refuses it as well."""
    visitor.sign_up()
    path = visitor.write("Title", "Mine").path
    fields = visitor.get(f"{path}/edit").fields
    stored = events_in(weblog)

    stranger = visitor.another()
    assert "/sign-in" == stranger.get(f"{path}/edit").path == stranger.post(f"{path}/edit", fields).path
    assert "/sign-in" == stranger.get("/posts/new").path == stranger.write().path
    other = visitor.another()
    other.sign_up("Kim", "kim@sequent.io")
    stored += 4
    assert [403, 403] == [other.get(f"{path}/edit").status, other.post(f"{path}/edit", fields).status]

    post_id = path.removeprefix("/posts/")
    edit = EditPost.from_params({"aggregate_id": post_id, "sequence_number": 3, "title": "x", "content": "x"})
    with pytest.raises(NotTheAuthor):
        weblog.execute_commands(edit)
    with pytest.raises(NotTheAuthor):
        weblog.execute_commands(AddPost(aggregate_id=weblog.new_uuid(), title="x", content="x"))
    assert stored == events_in(weblog)


def test_a_form_cannot_say_what_the_page_decides(visitor: Visitor) -> None:
    """The aggregate is that of the address, and the user who is signed in, whatever fields are sent."""
    visitor.sign_up()
    first, second = visitor.write("First", "One").path, visitor.write("Second", "Two").path
    fields = visitor.get(f"{first}/edit").fields
    other_id = second.removeprefix("/posts/")

    visitor.post(f"{first}/edit", {**fields, "post[title]": "Changed", "post[aggregate_id]": other_id})

    assert ("Changed" in visitor.get(first).text, "Second" in visitor.get(second).text) == (True, True)
    forged = visitor.post("/posts/new", {"post[title]": "x", "post[content]": "x", "post[user_id]": str(uuid4())})
    assert (422, True) == (forged.status, "post[user_id]: Unknown field." in forged.text)


@pytest.mark.parametrize(
    "path", ["/nowhere", "/posts/1", "/posts/0198f0a0-0000-7000-8000-000000000000", "/authors/x", "/authors/ü"]
)
def test_a_page_that_does_not_exist_is_said_so(visitor: Visitor, path: str) -> None:
    """Unknown addresses and ids lead to a page of the blog's own."""
    page = visitor.get(path)
    assert (404, True) == (page.status, "There is no such page." in page.text)


def test_what_authors_write_is_shown_as_text(visitor: Visitor) -> None:
    """Nothing that somebody typed becomes part of the page's HTML."""
    script = "<script>alert(1)</script>"
    visitor.sign_up(f"{script} Ben")
    path = visitor.write(f"{script} title", f"</textarea>{script}").path

    pages = [visitor.get(each) for each in ("/", "/authors", path, f"{path}/edit")]

    assert [False] * 4 == ["<script" in page.html for page in pages]
    assert f"</textarea>{script}" == pages[-1].fields["post[content]"]


class Congratulate(Workflow):
    """Makes a command that is not valid out of one that is."""

    @on(AuthorAdded)
    def write_a_post(self, event: AuthorAdded) -> None:
        """Add a post without a title."""
        self.execute_commands(AddPost(aggregate_id=uuid4(), title="", content="", user_id=event.aggregate_id))


def test_a_mistake_of_a_workflow_is_not_shown_as_one_of_the_user(
    browse: Callable[[Sequent], Visitor], weblog: Sequent
) -> None:
    """Only errors of the form's own command belong beside its fields; any other is an error of the server."""
    app = Sequent(weblog.engine, packages=PACKAGES, workflows=[Congratulate])

    with pytest.raises(CommandNotValid) as raised:
        app.execute_commands(AddAuthor.from_params({"aggregate_id": str(uuid4()), **AUTHOR}))
    assert raised.value.command_type is AddPost
    assert 500 == browse(app).sign_up().status

    assert 0 == events_in(weblog)


AUTHOR = {"name": "Ben", "email": "ben@sequent.io", "password": PASSWORD}


def test_every_request_gives_its_connections_back(visitor: Visitor, weblog: Sequent) -> None:
    """Pages, refused forms and conflicts leave no connection open, and no unit of work behind."""
    visitor.sign_up()
    path = visitor.write().path
    form = visitor.get(f"{path}/edit")
    for _ in range(10):
        visitor.post(f"{path}/edit", form.fields | {"post[title]": "Changed"})
        visitor.post(f"{path}/edit", form.fields | {"post[title]": ""})
        visitor.another().sign_up()
        visitor.get("/posts/1")

    pool = weblog.engine.pool
    assert isinstance(pool, QueuePool)
    assert 0 == pool.checkedout()
    assert "Changed" in visitor.get(path).text


def test_two_web_applications_live_side_by_side(browse: Callable[[Sequent], Visitor], databases: Databases) -> None:
    """Making a second one changes nothing about the first: each has the database that it was given."""
    apps = [Sequent(databases.create().url, packages=PACKAGES) for _ in range(2)]
    for app in apps:
        app.create_all()
    first, second = (browse(app) for app in apps)

    first.sign_up()

    assert ("Ben" in first.get("/authors").text, "Ben" in second.get("/authors").text) == (True, False)
    assert "/posts/new" == second.sign_up().path
    for app in apps:
        app.engine.dispose()


def test_production_needs_a_key_for_its_cookies(
    browse: Callable[[Sequent], Visitor], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without SECRET_KEY nobody would stay signed in when a process starts again."""
    monkeypatch.delenv("SECRET_KEY", raising=False)
    app = Sequent("sqlite://", packages=PACKAGES, environment="production")
    with pytest.raises(ConfigurationError, match="SECRET_KEY"):
        browse(app)
    monkeypatch.setenv("SECRET_KEY", "x" * 32)
    assert browse(app).client.get("/static/style.css").text.startswith(":root")
