"""The page in a real browser: an expert clicks, types, saves, loads, and the tool reads what was saved."""

import pytest

from ecosg_update.inspection.estimates import judgement
from ecosg_update.inspection.folder import Design, inspection
from ecosg_update.inspection.records import read_verdicts
from ecosg_update.inspection.source import opened
from tests.inspection.made import ECOSG, patched


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    _, file = patched(folder)
    return inspection(opened(file), folder / "out", Design(sites=30, least=2, by=("change", "class"))), folder / "out"


@pytest.fixture
def page(browser, made):
    """The page in a browser that has never seen it; any error, or request beyond the file, fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    found, faults = context.new_page(), []
    found.on("console", lambda message: faults.append(message.text))
    found.on("pageerror", lambda error: faults.append(str(error)))
    found.on(
        "request",
        lambda asked: None if asked.url.startswith(("file:", "data:", "blob:")) else faults.append(asked.url),
    )
    found.goto((made[1] / "inspect.html").as_uri())
    yield found
    assert faults == []
    context.close()


def saved(page, file):
    with page.expect_download() as download:
        page.get_by_role("button", name="Save CSV").click()
    download.value.save_as(file)
    return file


def chosen(page):
    return page.locator('input[name="class"]:checked').evaluate_all("all => all.map(one => Number(one.value))")


def title(page):
    return page.locator("#where").inner_text()


def test_the_maps_are_out_of_sight_until_asked_for_and_at_the_next_site_again(page, made):
    site = made[0].sites[0]
    captions = page.locator("figcaption")
    assert captions.all_inner_texts() == [] and page.locator("#says").is_hidden()
    page.get_by_label("show what the maps say").check()
    assert captions.all_inner_texts() == ["new map", "original map"]
    said = page.locator("#says").inner_text()
    assert f"new: {site.cover} {ECOSG.name_of(site.cover)}" in said and f"confidence {site.confidence:.2f}" in said
    page.get_by_role("button", name="Next →").click()
    assert captions.all_inner_texts() == [] and page.locator("#says").is_hidden()


def test_an_expert_judges_with_the_keyboard_alone(page, made):
    sites = made[0].sites
    assert title(page).startswith(sites[0].id)
    page.keyboard.type("17")
    assert chosen(page) == [17]
    page.keyboard.press("Enter")
    assert title(page).startswith(sites[1].id) and chosen(page) == []
    page.keyboard.press("0")
    page.keyboard.press("ArrowLeft")
    assert title(page).startswith(sites[0].id) and chosen(page) == [17]
    page.keyboard.press("n")
    assert title(page).startswith(sites[2].id)
    page.keyboard.press("m")
    assert page.locator("figure").count() == 2
    assert page.locator("#done").inner_text() == "site 3 of 30, 2 judged"


def test_a_digit_typed_too_many_begins_a_new_code(page):
    page.keyboard.type("339")
    assert chosen(page) == [9]


def test_what_was_judged_is_still_there_when_the_page_is_opened_again(page):
    page.get_by_label("Expert").fill("Anna")
    page.get_by_text("temperate grassland", exact=True).first.click()
    page.get_by_label("Comment").fill("hedges, mostly")
    page.get_by_role("button", name="Next →").click()
    page.reload()
    assert page.locator("#done").inner_text() == "site 2 of 30, 1 judged"
    page.get_by_role("button", name="Back").click()
    assert chosen(page) == [17]
    assert page.get_by_label("Comment").input_value() == "hedges, mostly"
    assert page.get_by_label("Expert").input_value() == "Anna"


def test_saved_verdicts_are_read_by_the_tool_and_loaded_by_another_browser(page, made, browser, tmp_path):
    found, folder = made
    comment = 'a "meadow", or\ntwo; =1+1'
    page.get_by_label("Expert").fill("Anna, B.")
    page.keyboard.press("Escape")
    page.keyboard.type("17")
    page.get_by_label("Second choice").select_option("19")
    page.get_by_label("Comment").fill(comment)
    page.get_by_role("button", name="Next →").click()
    page.get_by_label("show what the maps say").check()
    page.get_by_text("cannot tell", exact=True).click()
    file = saved(page, tmp_path / "verdicts.csv")
    first, second = read_verdicts(file, ECOSG, [site.id for site in found.sites])
    assert (first.id, first.verdict, first.second, first.comment) == (found.sites[0].id, 17, 19, comment)
    assert (first.expert, first.blind, len(first.time)) == ("Anna, B.", True, 20)
    assert (second.verdict, second.second, second.blind) == (0, 0, False)

    other = browser.new_context().new_page()
    other.goto((folder / "inspect.html").as_uri())
    other.get_by_label("Load CSV").set_input_files(file)
    other.wait_for_function("document.getElementById('done').textContent.includes('2 judged')")
    assert chosen(other) == [17] and other.get_by_label("Comment").input_value() == comment
    assert saved(other, tmp_path / "again.csv").read_bytes() == file.read_bytes()


def test_lines_of_another_inspection_are_not_taken(page, tmp_path):
    (tmp_path / "strange.csv").write_text("id,verdict\r\ns001,17\r\nx9,17\r\ns002,99\r\n")
    page.get_by_label("Load CSV").set_input_files(tmp_path / "strange.csv")
    page.wait_for_function("document.getElementById('message').textContent")
    assert "strange.csv: 1 of 3 lines were taken" in page.get_by_role("alert").inner_text()
    assert page.locator("#done").inner_text() == "site 1 of 30, 1 judged"


def test_a_verdict_for_every_site_is_scored(page, made, tmp_path):
    found, folder = made
    for site in found.sites:
        page.keyboard.type(str(site.cover))
        page.keyboard.press("Enter")
        page.wait_for_timeout(10)
    assert page.locator("#done").inner_text() == "site 30 of 30, 30 judged"
    assert page.get_by_role("button", name="Next open").is_disabled()
    result = judgement(folder, [saved(page, tmp_path / "v.csv")], ["ecosg"])
    assert result.found[0].figures.overall.value == 1
    assert "v: 30 of 30 sites judged, 0 of them cannot be told" in result.notes


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280, 1920])
def test_nothing_is_cut_off_at_any_width(page, width, scheme):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.get_by_label("show what the maps say").check()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(page, scheme):
    """Contrast of 4.5 to 1 at least: WCAG 2.1, 1.4.3."""
    page.emulate_media(color_scheme=scheme)
    pairs = [("ink", "paper"), ("quiet", "paper"), ("quiet", "card"), ("alarm", "card"), ("on-accent", "accent")]
    for text, ground in [*pairs, ("ink", "mark"), ("quiet", "mark")]:
        first, second = sorted((luminance(page, text), luminance(page, ground)), reverse=True)
        assert (first + 0.05) / (second + 0.05) >= 4.5, (text, ground)


def luminance(page, name):
    value = page.evaluate(f"getComputedStyle(document.documentElement).getPropertyValue('--{name}').trim()")
    parts = [int(value[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
