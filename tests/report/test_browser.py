"""The page in a real browser: what is drawn, read, swiped and zoomed is the map, and nothing leaves the machine."""

import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from ecosg_update import tables
from ecosg_update.grid import LatLonGrid
from ecosg_update.layers import CoverMap, Patch, Reason
from ecosg_update.report.layers import packed
from ecosg_update.report.page import page as written
from ecosg_update.report.pictures import SAME
from ecosg_update.reporting import document, maps
from ecosg_update.reporting.compared import comparison
from ecosg_update.reporting.ran import opened
from tests.report import made

LEGEND = tables.legend("ecosg")
HOSTILE = '</title><script>alert(1)</script><img src=x onerror=alert(2)> & "quotes" $title'


def file_of(folder, patch, *, image=None, score=None, title="a run", notes=(), most=None):
    """The page of a patch, as `ecosg-update report` writes it."""
    ran = opened(made.run(folder, patch, title=title, notes=notes))
    found = comparison(ran)
    layers = packed(patch, image, most=most) if most else packed(patch, image)
    path = folder / "report.html"
    path.write_text(written(document(ran, found, score, []), maps(patch, layers, image, found)), encoding="utf-8")
    return path


@pytest.fixture
def shown(browser):
    """A function that opens a page and, at the end of the test, holds it to silence: no error, no request."""
    contexts, faults = [], []

    def show(path, *, width=1280, height=900, script=True, **options):
        context = browser.new_context(
            viewport={"width": width, "height": height}, java_script_enabled=script, **options
        )
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda line: faults.append(f"console: {line.text}"))
        tab.on("pageerror", lambda error: faults.append(f"error: {error}"))
        tab.on("dialog", lambda dialog: (faults.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        tab.on("request", lambda asked: asked.url.startswith(("data:", "blob:")) or asked.url == path.as_uri()
               or faults.append(f"request: {asked.url}"))  # fmt: skip
        tab.goto(path.as_uri())
        if script:
            tab.wait_for_selector("html[data-ready]", timeout=20_000)
        return tab

    yield show
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture(scope="module")
def simple(tmp_path_factory):
    """A small run with an image and scores."""
    patch = made.patch()
    image = np.random.default_rng(1).integers(0, 255, (120, 100, 3), np.uint8)
    return patch, file_of(tmp_path_factory.mktemp("simple"), patch, image=image, score=made.SCORE)


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    """Grassland everywhere that becomes winter crops everywhere."""
    shape = made.GRID.shape
    codes = np.full(shape, 19, np.uint8)
    reason = np.full(shape, Reason.CHANGED, np.uint8)
    patch = Patch(
        CoverMap(codes, made.GRID, LEGEND), np.full(shape, 17, np.uint8), reason, np.ones(shape, np.float32)
    )
    return file_of(tmp_path_factory.mktemp("halves"), patch)


def colour_at(tab, x, y):
    """What the screen shows at a part (0..1) of the frame's width and height."""
    pixels = np.asarray(Image.open(BytesIO(tab.locator("#map").screenshot())).convert("RGB"))
    return tuple(int(part) for part in pixels[int(y * pixels.shape[0]), int(x * pixels.shape[1])])


def readout(tab):
    return {
        name: tab.text_content(f"#at-{name}") for name in ("place", "cell", "base", "cover", "confidence", "reason")
    }


def cell_of(found, grid):
    """Row and column in the map's arrays of the place that the readout states."""
    lat, lon = (float(part) for part in found["place"].split(","))
    return int((90 - lat) * grid.per_degree) - grid.row, int((lon + 180) % 360 * grid.per_degree) - grid.col


def named(code):
    return f"{code} {LEGEND.name_of(int(code))}"


def check_against(found, patch, row, col):
    """The readout says what the arrays hold."""
    cover, base = patch.cover.codes[row, col], patch.base[row, col]
    assert found["base"] == named(base)
    assert found["cover"] == (f"{named(cover)} (the same)" if cover == base else named(cover))
    sure = float(patch.confidence[row, col])
    if sure:
        assert abs(int(found["confidence"].removesuffix(" %")) - 100 * sure) <= 2.51
    else:
        assert found["confidence"] == "none"
    assert found["reason"].startswith(f"{Reason(patch.reason[row, col]).label}.")


def test_the_readout_is_the_map_at_the_place_under_the_pointer(simple, shown):
    patch, path = simple
    tab = shown(path)
    tab.locator("#map").scroll_into_view_if_needed()
    box = tab.locator("#map").bounding_box()
    grid = patch.cover.grid
    squeeze = np.cos(np.radians((grid.north + grid.south) / 2))
    scale = min(box["width"] / (grid.cols * squeeze), box["height"] / grid.rows)
    for down, across in np.random.default_rng(3).random((25, 2)):
        row, col = int(down * grid.rows), int(across * grid.cols)
        x = box["width"] / 2 + (col + 0.5 - grid.cols / 2) * scale * squeeze
        y = box["height"] / 2 + (row + 0.5 - grid.rows / 2) * scale
        tab.mouse.move(box["x"] + x, box["y"] + y)
        found = readout(tab)
        assert cell_of(found, grid) == (row, col)
        assert found["cell"] == f"{grid.row + row}, {grid.col + col}"
        check_against(found, patch, row, col)


def test_the_divider_shows_the_original_left_and_the_new_map_right(halves, shown):
    tab = shown(halves)
    old, new = (LEGEND.colours[LEGEND.index(code)] for code in (17, 19))
    assert (colour_at(tab, 0.45, 0.3), colour_at(tab, 0.55, 0.3)) == (old, new)
    tab.locator("#divider").scroll_into_view_if_needed()
    box, frame = tab.locator("#divider").bounding_box(), tab.locator("#frame").bounding_box()
    tab.mouse.move(box["x"] + box["width"] / 2, box["y"] + 40)
    tab.mouse.down()
    tab.mouse.move(frame["x"] + 0.65 * frame["width"], box["y"] + 60, steps=4)
    tab.mouse.up()
    assert tab.get_attribute("#divider", "aria-valuenow") == "65"
    assert (colour_at(tab, 0.55, 0.3), colour_at(tab, 0.7, 0.3)) == (old, new)


def test_the_divider_is_a_slider_for_the_keyboard(halves, shown):
    tab = shown(halves)
    tab.focus("#divider")
    for _ in range(5):
        tab.keyboard.press("ArrowRight")
    tab.wait_for_selector("#divider[aria-valuenow='60']")
    assert colour_at(tab, 0.55, 0.3) == LEGEND.colours[LEGEND.index(17)]
    tab.keyboard.press("Home")
    tab.wait_for_selector("#divider[aria-valuenow='0']")
    assert colour_at(tab, 0.3, 0.3) == LEGEND.colours[LEGEND.index(19)]
    assert "new on the right" in tab.get_attribute("#divider", "aria-valuetext")


def test_any_two_layers_stand_beside_each_other(simple, shown):
    _, path = simple
    tab = shown(path)
    offered = tab.eval_on_selector_all("#left option", "all => all.map((one) => one.text)")
    assert offered == ["image", "original", "new", "what changed", "confidence", "reason", "second choice"]
    pictures = set()
    for name in ("image", "base", "cover", "change", "confidence", "reason", "second"):
        tab.select_option("#left", name)
        tab.select_option("#right", name)
        tab.wait_for_timeout(60)
        pictures.add(tab.locator("#map").screenshot())
    assert len(pictures) == 7
    assert tab.text_content("#tag-left") == "second choice"


def test_zooming_keeps_the_place_under_the_pointer(simple, shown):
    _, path = simple
    tab = shown(path)
    for _ in range(3):
        tab.click("#in")  # until it fills the frame: before, the map stays in the middle of it
    tab.locator("#map").scroll_into_view_if_needed()
    box = tab.locator("#map").bounding_box()
    point = box["x"] + 0.6 * box["width"], box["y"] + 0.4 * box["height"]
    tab.mouse.click(*point)
    tab.mouse.move(*point)
    before, bar = readout(tab), tab.text_content("#scale")
    for _ in range(4):
        tab.mouse.wheel(0, -200)
    tab.wait_for_function("(bar) => document.getElementById('scale').textContent !== bar", arg=bar)
    tab.mouse.move(point[0], point[1] + 1)
    tab.mouse.move(*point)
    assert readout(tab) == before


def test_buttons_and_keys_zoom(simple, shown):
    _, path = simple
    tab = shown(path)
    width = lambda: tab.evaluate("parseFloat(document.getElementById('scale').style.width)")  # noqa: E731
    bars = [(tab.text_content("#scale"), width())]
    for act in (lambda: tab.click("#in"), lambda: tab.click("#in"), lambda: tab.click("#out")):
        act()
        tab.wait_for_timeout(60)
        bars.append((tab.text_content("#scale"), width()))
    assert bars[1] == bars[3] and len(set(bars)) == 3
    tab.focus("#map")
    for key in ("+", "0"):
        tab.keyboard.press(key)
        tab.wait_for_timeout(60)
        bars.append((tab.text_content("#scale"), width()))
    assert bars[4] != bars[3] and bars[5] == bars[0]


def test_dragging_moves_a_map_that_is_zoomed(simple, shown):
    patch, path = simple
    tab = shown(path)
    for _ in range(3):
        tab.click("#in")
    tab.locator("#map").scroll_into_view_if_needed()
    box = tab.locator("#map").bounding_box()
    x, y = box["x"] + 0.3 * box["width"], box["y"] + 0.5 * box["height"]
    tab.mouse.move(x, y)
    held = readout(tab)
    tab.mouse.down()
    tab.mouse.move(x + 90, y - 60, steps=5)
    tab.mouse.up()
    assert readout(tab) == held
    tab.mouse.move(x, y)
    assert cell_of(readout(tab), patch.cover.grid) != cell_of(held, patch.cover.grid)


def test_the_cursor_of_the_keyboard_walks_cell_by_cell_and_is_read_aloud(simple, shown):
    patch, path = simple
    tab = shown(path)
    tab.focus("#map")
    tab.keyboard.press("ArrowRight")
    row, col = cell_of(readout(tab), patch.cover.grid)
    assert tab.get_attribute("#readout", "aria-live") == "polite"
    for key in ("Shift+ArrowRight", "Shift+ArrowRight", "Shift+ArrowDown"):
        tab.keyboard.press(key)
    assert cell_of(readout(tab), patch.cover.grid) == (row + 1, col + 2)
    check_against(readout(tab), patch, row + 1, col + 2)
    for _ in range(60):
        tab.keyboard.press("Shift+ArrowLeft")
    assert cell_of(readout(tab), patch.cover.grid) == (row + 1, 0)
    assert tab.locator("#mark").is_visible()


def test_a_cover_lights_up_when_its_name_is_clicked(halves, shown):
    tab = shown(halves)
    button = tab.locator("button.light[data-code='17']")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    tab.wait_for_timeout(60)
    assert colour_at(tab, 0.4, 0.3) == LEGEND.colours[LEGEND.index(17)]
    assert colour_at(tab, 0.6, 0.3) != LEGEND.colours[LEGEND.index(19)]
    button.click()
    tab.wait_for_timeout(60)
    assert colour_at(tab, 0.6, 0.3) == LEGEND.colours[LEGEND.index(19)]


def test_a_listed_change_leads_the_map_there(simple, shown):
    patch, path = simple
    tab = shown(path)
    button = tab.locator("button.goto").nth(2)
    lat, lon = (float(part) for part in button.text_content().split(","))
    button.click()
    found = readout(tab)
    row, col = cell_of(found, patch.cover.grid)
    assert patch.changed[row, col]
    assert (
        abs(float(found["place"].split(",")[0]) - lat) < 1e-3
        and abs(float(found["place"].split(",")[1]) - lon) < 1e-3
    )
    assert tab.evaluate("document.activeElement.id") == "map"


def test_a_single_changed_cell_of_a_large_map_is_seen_from_afar(tmp_path, shown):
    grid = LatLonGrid(360, 9000, 40000, 2100, 2500)
    base = np.full(grid.shape, 17, np.uint8)
    codes = base.copy()
    codes[1203, 777] = 25
    reason = np.where(codes != base, Reason.CHANGED, Reason.UNCHANGED).astype(np.uint8)
    patch = Patch(CoverMap(codes, grid, LEGEND), base, reason, np.ones(grid.shape, np.float32))
    tab = shown(file_of(tmp_path, patch))
    for side in ("left", "right"):
        tab.select_option(f"#{side}", "change")
    tab.wait_for_timeout(100)
    colours = tab.evaluate("""() => {
      const canvas = document.getElementById('map');
      const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
      return [...new Set(new Uint32Array(pixels.data.buffer))];
    }""")
    red, green, blue = LEGEND.colours[LEGEND.index(25)]
    assert (255 << 24) + (blue << 16) + (green << 8) + red in colours
    assert (255 << 24) + (SAME[2] << 16) + (SAME[1] << 8) + SAME[0] in colours


def test_the_readout_goes_on_beyond_the_dateline(tmp_path, shown):
    grid = LatLonGrid(360, 26000, 129590, 12, 20)
    patch = made.patch(grid, seed=5)
    tab = shown(file_of(tmp_path, patch))
    tab.focus("#map")
    for _ in range(40):
        tab.keyboard.press("Shift+ArrowRight")
    lat, lon = (float(part) for part in readout(tab)["place"].split(","))
    assert abs(lon - (-180 + 9.5 / 360)) < 1e-4 and lat > 17
    row = int((90 - lat) * 360) - grid.row
    check_against(readout(tab), patch, row, 19)


def test_thinned_confidence_says_so(tmp_path, shown):
    patch = made.patch(LatLonGrid(360, 9000, 40000, 64, 96))
    tab = shown(file_of(tmp_path, patch, most=8_000))
    tab.focus("#map")
    tab.keyboard.press("ArrowDown")
    assert re.search(r"% , mean of|%, mean of \d+ × \d+ cells", readout(tab)["confidence"])


@pytest.mark.parametrize("width", [360, 1000, 1920])
def test_no_width_scrolls_sideways(simple, shown, width):
    tab = shown(simple[1], width=width)
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    assert tab.locator("#map").bounding_box()["height"] >= 200


def test_colours_follow_the_system_and_the_button(simple, shown):
    paper = "getComputedStyle(document.body).backgroundColor"
    light, dark = (shown(simple[1], color_scheme=scheme) for scheme in ("light", "dark"))
    day, night = light.evaluate(paper), dark.evaluate(paper)
    assert day != night
    light.click("#theme")
    dark.click("#theme")
    assert (light.evaluate(paper), dark.evaluate(paper)) == (night, day)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(simple, shown, scheme):
    """WCAG 2.1, 1.4.3: 4.5 to 1, of every text on the page upon the colour behind it."""
    tab = shown(simple[1], color_scheme=scheme)
    poor = tab.evaluate(CONTRAST)
    assert poor == []


def test_paper_holds_the_pictures_and_no_controls(simple, shown):
    tab = shown(simple[1], color_scheme="dark")
    pdf = tab.pdf(format="A4")
    assert pdf.startswith(b"%PDF") and 1 < len(re.findall(rb"/Type\s*/Page\b", pdf)) < 20
    tab.emulate_media(media="print")
    assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not tab.locator("#viewer").is_visible() and not tab.locator("nav").is_visible()
    assert tab.locator(".gallery img").count() == 6
    boxes = [image.bounding_box() for image in tab.locator(".gallery img").all()]
    assert boxes[0]["y"] == boxes[1]["y"] and boxes[0]["x"] < boxes[1]["x"]


def test_the_page_says_all_but_the_live_map_without_a_script(simple, shown):
    tab = shown(simple[1], script=False)
    assert tab.locator("noscript").is_visible() and not tab.locator("#viewer").is_visible()
    assert tab.locator(".gallery img").first.is_visible() and tab.locator(".legend table").is_visible()


def test_a_hostile_name_is_text(tmp_path, shown):
    tab = shown(file_of(tmp_path, made.patch(), title=HOSTILE, notes=[HOSTILE]))
    assert tab.text_content("h1") == HOSTILE and tab.title() == HOSTILE
    assert HOSTILE in tab.text_content("#provenance")


def test_every_control_has_a_name_and_every_landmark_a_heading(simple, shown):
    tab = shown(simple[1])
    nameless = tab.evaluate("""() => [...document.querySelectorAll('button, select, canvas, [role=slider], img')]
      .filter((one) => !(one.getAttribute('aria-label') || one.labels?.length || one.alt || one.textContent.trim()))
      .map((one) => one.outerHTML)""")
    assert nameless == []
    assert tab.evaluate("""() => [...document.querySelectorAll('section')]
      .every((one) => document.getElementById(one.getAttribute('aria-labelledby'))?.textContent)""")
    assert tab.evaluate("[...document.querySelectorAll('[id]')].length === "
                        "new Set([...document.querySelectorAll('[id]')].map((one) => one.id)).size")  # fmt: skip


CONTRAST = """() => {
  const parts = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => {
    const linear = (v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const [x, y, z] = [r, g, b].map((v) => linear(v / 255));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (node) => {
    const over = [];
    for (let at = node; at; at = at.parentElement) {
      const [r, g, b, alpha = 1] = parts(getComputedStyle(at).backgroundColor);
      if (alpha > 0) over.push([r, g, b, alpha]);
      if (alpha === 1) break;
    }
    return over.reverse().reduce((under, [r, g, b, alpha]) =>
      [r, g, b].map((value, i) => value * alpha + under[i] * (1 - alpha)), [255, 255, 255]);
  };
  const poor = new Set();
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode.parentElement;
    if (!walk.currentNode.textContent.trim() || !node.checkVisibility()) continue;
    if (node.closest('script, style, noscript')) continue;
    const [a, b] = [light(parts(getComputedStyle(node).color)), light(behind(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.add(`${node.className || node.tagName}: ${ratio.toFixed(2)}`);
  }
  return [...poor];
}"""
