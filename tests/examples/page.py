"""A page of HTML, as somebody who fills in its form sees it."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser

import httpx2

VOID = {"input", "link", "meta", "br"}


class Page(HTMLParser):
    """What an answer shows: `fields` has what is in each field, `errors` what stands beside it, `text` all there is."""

    def __init__(self, response: httpx2.Response) -> None:
        super().__init__()
        self.status = response.status_code
        self.path = response.url.path
        self.html = response.text
        self.fields: dict[str, str] = {}
        self.errors: dict[str, str] = {}
        self.links: list[str] = []
        self._said: list[str] = []
        self._open: list[dict[str, str]] = []
        self.feed(response.text)

    @property
    def text(self) -> str:
        """The text of the page, with single spaces."""
        return " ".join(" ".join(self._said).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the fields of forms and where links lead."""
        attributes = {name: value or "" for name, value in attrs}
        if tag in ("input", "textarea"):
            self.fields[attributes["name"]] = attributes.get("value", "")
        if tag == "a":
            self.links.append(attributes["href"])
        if tag not in VOID:
            self._open.append({"tag": tag, **attributes})

    def handle_endtag(self, tag: str) -> None:
        """The element that was opened last is closed."""
        assert self._open.pop()["tag"] == tag

    def handle_data(self, data: str) -> None:
        """Note what is said, and where."""
        self._said.append(data)
        inside = self._open[-1] if self._open else {}
        if inside.get("tag") == "textarea":
            self.fields[inside["name"]] += data.removeprefix("\n")
        if inside.get("id", "").endswith("-error"):
            self.errors[inside["id"].removesuffix("-error")] = data


class Visitor:
    """Somebody with a browser of their own, cookies included."""

    def __init__(self, new_client: Callable[[], httpx2.Client]) -> None:
        self.new_client = new_client
        self.client = new_client()

    def another(self) -> Visitor:
        """Somebody else, who looks at the same web application."""
        return Visitor(self.new_client)

    def get(self, path: str) -> Page:
        """Look at a page, and go where it sends on to."""
        return Page(self.client.get(path, follow_redirects=True))

    def post(self, path: str, fields: dict[str, str] | None = None) -> Page:
        """Send a form, and go where it sends on to."""
        return Page(self.client.post(path, data=fields or {}, follow_redirects=True))

    def sign_up(self, name: str = "Ben", email: str = "Ben@sequent.io", password: str = "correct horse") -> Page:
        """Become an author."""
        fields = {"author[name]": name, "author[email]": email, "author[password]": password}
        return self.post("/sign-up", fields)

    def write(self, title: str = "Hello", content: str = "My first post.") -> Page:
        """Publish a post."""
        return self.post("/posts/new", {"post[title]": title, "post[content]": content})
