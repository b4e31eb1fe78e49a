"""Pictures of the pages for README and docs: ``python -m tests.portal.browser.pictures FOLDER``.

They show the latest release of the home, as an office of the city sees it. Take them from the synthetic city alone; it
says so in each picture's first lines, and captions say it too.
"""

from __future__ import annotations

import base64
import sys
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page

from infra.chromium import ensure_chromium, launched
from portal.access.viewer import RIGHTS, Viewer
from portal.queries.release import Query, is_synthetic, reading
from portal.web.app import create_app
from schemas.errors import RejectedError, UsageError, UserError
from tests.portal.browser.serving import serving
from tests.portal.browser.window import SIZES, Size, Theme
from warehouse.releases import open_release
from warehouse.settings import settings

OFFICE = Viewer("市经信局", "city", "", frozenset(RIGHTS))
#: Dots for each pixel of the page: letters stay sharp on fine screens.
SHARPNESS = 1.5
#: Quality of WebP, 0 to 1, at which letters have no halo.
QUALITY = 0.85
ENCODE = """async ([picture, quality]) => {
  const image = new Image();
  image.src = `data:image/png;base64,${picture}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width, image.height];
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.toDataURL("image/webp", quality).split(",")[1];
}"""


@dataclass(frozen=True)
class Picture:
    """A page in a window. It begins with ``part`` if one is named, and is as high as the window or as ``height``."""

    name: str
    address: str
    theme: Theme = "light"
    size: Size = "desktop"
    part: str = ""
    height: int | None = None


def pictures(query: Query) -> list[Picture]:
    """What is shown: the largest list, a firm that lacks few points, the chain with most missing nodes.

    Raises:
        RejectedError: the release is not of a synthetic city, or lacks one of them.
    """
    if not is_synthetic(query):
        raise RejectedError("the home's release has real firms; pictures are taken of a synthetic city alone")
    lists = query(
        """SELECT year, district_code AS district, list_code AS list FROM per_mu.enterprise_grade
        WHERE list_code = 'above_scale' GROUP BY ALL ORDER BY year DESC, count(*) DESC, district LIMIT 1"""
    )
    firms = query(
        """SELECT uscc FROM per_mu.enterprise_grade
        SEMI JOIN (FROM core.consent_state WHERE per_mu_consent_code = 'given' AND profile_consent_code = 'given')
            USING (uscc, year)
        SEMI JOIN (FROM chain.node_enterprise WHERE node_code <> 'OUT') USING (uscc, year)
        WHERE year = $1 AND district_code = $2 AND list_code = $3 AND final_grade = 'B'
        ORDER BY rank_in_list, uscc LIMIT 1""",
        *(lists[0].values() if lists else ("", "", "")),
    )
    nodes = query(
        """SELECT chain_code AS chain, min(node_code) FILTER (state_code = 'weak') AS node FROM chain.gap
        WHERE year = $1 GROUP BY chain_code HAVING node IS NOT NULL
        ORDER BY count(DISTINCT state_code) DESC, count(*) DESC, chain_code LIMIT 1""",
        lists[0]["year"] if lists else "",
    )
    if not (lists and firms and nodes):
        raise RejectedError("the home's release has no graded firm or no chain; run ./brain demo first")
    [of], [firm], [chain] = lists, firms, nodes
    return [
        Picture("city", "/zh/", height=950),
        Picture(
            "per-mu",
            f"/zh/per-mu?district={of['district']}&list={of['list']}&sort=enterprise_name",
            "dark",
            height=882,
        ),
        Picture("movement", "/en/per-mu?view=moves", height=1045),
        Picture("enterprise", f"/zh/enterprise/{firm['uscc']}", size="phone", height=1392),
        Picture("chain", f"/zh/chain/{chain['chain']}?node={chain['node']}", "dark", height=1250),
        Picture("lineage", "/zh/data/per_mu.enterprise_grade", part=".lineage"),
    ]


def take(browser: Browser, site: str, one: Picture) -> bytes:
    """A picture as WebP."""
    width, height = SIZES[one.size]
    window = browser.new_context(
        viewport={"width": width, "height": one.height or height}, color_scheme=one.theme, locale="zh-CN",
        device_scale_factor=SHARPNESS, has_touch=one.size == "phone",
    )  # fmt: skip
    try:
        page = window.new_page()
        page.goto(site + one.address, wait_until="load")
        if page.query_selector("[data-chart]"):
            page.wait_for_selector("html[data-drawn]", state="attached")
        if (asked := page.locator(".ways-asked a")).count():
            asked.click()
            asked.wait_for(state="detached")
        shown = page.locator(one.part).screenshot() if one.part else page.screenshot()
        return _as_webp(window.new_page(), shown)
    finally:
        window.close()


def _as_webp(page: Page, png: bytes) -> bytes:
    """The browser encodes, so that no library is needed; its own page has no policy of the portal."""
    return base64.b64decode(page.evaluate(ENCODE, [base64.b64encode(png).decode(), QUALITY]))


def main(folder: Path) -> None:
    """Write the pictures to a folder.

    Raises:
        UserError: there is no release, no browser, or nothing to show.
    """
    with reading(open_release()) as query:
        wanted = pictures(query)
    program = ensure_chromium(settings())
    folder.mkdir(parents=True, exist_ok=True)
    with serving(create_app(lambda _: OFFICE, "pictures" * 5)) as site, launched(program) as browser:
        for one in wanted:
            path = folder / f"{one.name}.webp"
            path.write_bytes(take(browser, site, one))
            sys.stdout.write(f"{path} {path.stat().st_size // 1000} kB\n")


if __name__ == "__main__":
    try:
        if len(sys.argv) != 2:
            raise UsageError("name the folder: python -m tests.portal.browser.pictures FOLDER")
        main(Path(sys.argv[1]))
    except UserError as error:
        sys.exit(f"pictures: {error}")
