"""Pages of the documentation site hold nothing that runs, whatever a card or a page says."""

from __future__ import annotations

import base64
import hashlib
import html
import re

import nh3

# What Markdown and its extensions make, beside nh3's own list.
TAGS = nh3.ALLOWED_TAGS | {
    "article", "button", "details", "figcaption", "figure", "h1", "input", "label", "nav",
    "section", "summary",
}  # fmt: skip
EVERYWHERE = {"class", "id", "title"}
ATTRIBUTES = {
    **nh3.ALLOWED_ATTRIBUTES,
    "*": EVERYWHERE,
    "a": {"href", "name"},
    "details": {"open"},
    "img": {"src", "alt", "width", "height"},
    "td": {"align", "style"},
    "th": {"align", "style"},
}
SCHEMES = {"http", "https", "mailto"}
# Scripts that the theme writes into every page; what a card could add is none of them.
THEMES = re.compile(r"\s*(?:var palette=|__md_scope=|var target=|var el=|document\.|var __md)")
REDIRECT = re.compile(r'<meta http-equiv="refresh" content="0; url=\.\./[\w-]+/">')
SCRIPT = re.compile(r"<script(?![^>]*\b(?:src|type)=)[^>]*>(.*?)</script>", re.S)


def clean(page: str) -> str:
    """HTML of a page's content without scripts, handlers and addresses that run.

    Parameters
    ----------
    page : str
        HTML that Markdown made.
    """
    # A page that another one replaced, inside this site.
    leads = "".join(REDIRECT.findall(page))
    return leads + nh3.clean(
        page, tags=TAGS, attributes=ATTRIBUTES, url_schemes=SCHEMES, link_rel=None,
        filter_style_properties={"text-align"},
    )  # fmt: skip


def plain_title(title: str) -> str:
    """A title that is the same text inside and outside of HTML: themes unescape and print it."""
    return html.unescape(title).replace("<", "‹").replace(">", "›").replace("&", "＆")


def policy(page: str) -> str:
    """Content security policy of a finished page: own files, and the theme's own lines by hash.

    Parameters
    ----------
    page : str
        Whole HTML of a page.
    """
    own = [body for body in SCRIPT.findall(page) if THEMES.match(body)]
    hashes = {base64.b64encode(hashlib.sha256(b.encode()).digest()).decode() for b in own}
    scripts = " ".join(f"'sha256-{h}'" for h in sorted(hashes))
    # A site that is opened from the disk has no other name for its own files.
    here = "'self' file:"
    return (
        f"default-src 'none'; script-src {here} {scripts}; style-src {here} 'unsafe-inline'; "
        f"img-src {here} data:; font-src {here}; connect-src {here}; worker-src {here} blob:; "
        "manifest-src 'self'; base-uri 'none'; form-action 'none'"
    )


def guarded(page: str) -> str:
    """A finished page with its policy, which stands before anything that could run.

    Parameters
    ----------
    page : str
        Whole HTML of a page.
    """
    tag = f'<meta http-equiv="Content-Security-Policy" content="{policy(page)}">'
    return page.replace("<head>", f"<head>{tag}", 1)
