"""What somebody does in a window of the browser, and what can be seen there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

LONGEST_WAIT = 60


class Window:
    """A window at `address`. `pictures` is where screenshots go."""

    def __init__(self, driver: Chrome, address: str, pictures: Path) -> None:
        self.driver = driver
        self._address = address
        self._pictures = pictures

    @property
    def path(self) -> str:
        """The address of the page, without the server."""
        return self.driver.current_url.removeprefix(self._address)

    @property
    def heading(self) -> str:
        """The first heading of the page."""
        return self.driver.find_element(By.TAG_NAME, "h1").text

    @property
    def text(self) -> str:
        """What can be read on the page."""
        return self.driver.find_element(By.TAG_NAME, "main").text

    def go(self, path: str) -> None:
        """Type an address."""
        self.driver.get(self._address + path)

    def follow(self, text: str) -> None:
        """Click a link."""
        self._and_wait(self.driver.find_element(By.LINK_TEXT, text).click)

    def press(self, text: str) -> None:
        """Press a button."""
        self._and_wait(self.driver.find_element(By.XPATH, f"//button[normalize-space()='{text}']").click)

    def fill_in(self, **values: str) -> None:
        """Type into fields, found by their labels: a click on the label leads there."""
        for label, value in values.items():
            self.driver.find_element(By.XPATH, f"//label[normalize-space()='{label}']").click()
            field = self.driver.switch_to.active_element
            field.clear()
            field.send_keys(value)

    def field(self, label: str) -> WebElement:
        """The field with a label."""
        name = self.driver.find_element(By.XPATH, f"//label[normalize-space()='{label}']").get_attribute("for")
        return self.driver.find_element(By.ID, str(name))

    def value(self, label: str) -> str:
        """What stands in a field."""
        return str(self.field(label).get_property("value"))

    def error_below(self, label: str) -> str | None:
        """What is seen as an error right below a field, and belongs to it; None when nothing is."""
        field = self.field(label)
        described = field.get_attribute("aria-describedby")
        if not described:
            return None
        error = self.driver.find_element(By.ID, described)
        gap = error.rect["y"] - (field.rect["y"] + field.rect["height"])
        assert error.is_displayed()
        assert 0 <= gap < 30
        return error.text

    def is_wider_than_its_window(self) -> bool:
        """Whether one would have to scroll sideways."""
        return bool(self._run("const page = document.documentElement; return page.scrollWidth > page.clientWidth"))

    def style(self, selector: str, name: str) -> str:
        """How something looks: the value of a property of CSS."""
        return self.driver.find_element(By.CSS_SELECTOR, selector).value_of_css_property(name)

    def loaded_from_elsewhere(self) -> list[str]:
        """The addresses of other servers from which the page loaded something."""
        names = self._run("return performance.getEntriesByType('resource').map(entry => entry.name)")
        return [name for name in names if not name.startswith((self._address, "data:"))]

    def complaints(self) -> list[str]:
        """What the browser wrote into its console since the last time, answers with an error status left out."""
        entries: list[dict[str, Any]] = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [entry["message"] for entry in entries if "Failed to load resource" not in entry["message"]]

    def picture(self, name: str) -> None:
        """Keep how the page looks."""
        assert self.driver.save_screenshot(str(self._pictures / f"{name}.png"))

    def _run(self, program: str) -> Any:
        return self.driver.execute_script(program)

    def _and_wait(self, act: Callable[[], None]) -> None:
        self._run("window.isOld = true")
        act()
        WebDriverWait(self.driver, LONGEST_WAIT).until(
            lambda _: self._run("return !window.isOld && document.readyState === 'complete'")
        )
