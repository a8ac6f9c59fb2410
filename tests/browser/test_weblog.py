"""The blog of the examples in Chromium."""

from __future__ import annotations

from tests.browser.window import Window


def test_from_signing_up_to_a_conflict(window: Window) -> None:
    """An author signs up with mistakes first, writes, and edits one post in two windows."""
    window.go("/")
    window.picture("1-nobody-writes")
    window.follow("Sign up")
    window.fill_in(Name="Ben", Email="no address", Password="correct horse")
    window.press("Sign up")
    assert (None, "This is not an email address.") == (window.error_below("Name"), window.error_below("Email"))
    assert ("Ben", "no address", "") == tuple(map(window.value, ("Name", "Email", "Password")))
    window.picture("2-a-mistake")

    window.fill_in(Email="Ben@sequent.io", Password="correct horse")
    window.press("Sign up")
    window.fill_in(Title="What happened today", Content="It rained.\n\nThen the sun came out, and we went to the sea.")
    window.picture("3-writing")
    window.press("Publish")
    assert ("What happened today", True) == (window.heading, "Then the sun came out" in window.text)
    window.picture("4-a-post")

    window.follow("Edit")
    edit = window.path
    first = window.driver.current_window_handle
    window.driver.switch_to.new_window("tab")
    window.go(edit)
    window.fill_in(Content="It rained, and I stayed at home.")
    window.press("Save")
    window.driver.close()
    window.driver.switch_to.window(first)
    window.fill_in(Title="What happened yesterday")
    window.press("Save")
    assert "This post has changed meanwhile" == window.heading
    assert "It rained, and I stayed at home." in window.text
    assert "What happened yesterday" == window.value("Title")
    window.picture("5-a-conflict")

    window.press("Save my text")
    assert "What happened yesterday" == window.heading
    window.follow("Weblog")
    assert "What happened yesterday" in window.text
    window.picture("6-latest-posts")


def test_an_address_that_is_taken(window: Window) -> None:
    """It is said right below the field, in another colour, and what was typed stays, except for the password."""
    for name, email in (("Ben", "ben@sequent.io"), ("Another Ben", "BEN@sequent.io")):
        window.go("/sign-up")
        window.fill_in(Name=name, Email=email, Password="correct horse")
        window.press("Sign up")

    assert "Somebody has signed up with this address already." == window.error_below("Email")
    assert ("Another Ben", "BEN@sequent.io", "") == tuple(map(window.value, ("Name", "Email", "Password")))
    assert window.style(".error", "color") != window.style("label", "color")
    assert "correct horse" not in window.driver.page_source
    window.picture("7-a-taken-address")
    window.press("Sign out")
    window.go("/posts/new")
    assert "Sign in" == window.heading
    window.picture("8-sign-in")


def test_pages_fit_into_a_narrow_window(window: Window) -> None:
    """Long words and a small screen need no scrolling sideways; nothing is loaded from anywhere else."""
    window.driver.set_window_size(500, 900)
    window.go("/sign-up")
    window.fill_in(Name="W" * 80, Email="ben@sequent.io", Password="correct horse")
    window.press("Sign up")
    window.fill_in(Title="x" * 150, Content=f"<b>{'y' * 300}</b>")
    window.press("Publish")
    post = window.path

    for number, path in enumerate((post, f"{post}/edit", "/", "/authors", "/nowhere"), 9):
        window.go(path)
        assert (False, []) == (window.is_wider_than_its_window(), window.loaded_from_elsewhere())
        window.picture(f"{number}-narrow")
    assert "rgb(244, 246, 249)" == window.style("body", "background-color").replace("rgba", "rgb").replace(", 1)", ")")
    assert [] == window.complaints()
