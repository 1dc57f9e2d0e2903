"""Hooks of the documentation site: catalogue pages and values from the knowledge base."""

from __future__ import annotations

import sys
from pathlib import Path

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

from neurogenomics_kb.pipelines.contracts import describe_tables
from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.cards import CARD_TYPES
from neurogenomics_kb.registry.site import ROOT, Catalogue

# The site's builder loads this file alone, not the folder it lies in.
sys.path.insert(0, str(Path(__file__).parent))
from clean_pages import clean, guarded, plain_title

# Page of all tables, made from their contracts.
TABLES = "reference/tables.md"
# Folders whose pages all belong into the navigation, one section each.
SECTIONS = {
    "models": "Model guides",
    "code_walkthroughs": "Code walkthroughs",
    "generated": "Summaries",
}


def on_config(config):
    """Read the cards once a build, and add their catalogue and whole folders to the navigation."""
    project = Path(config.config_file_path).parent
    config.extra["catalogue"] = Catalogue(Registry(project / "kb", project))
    docs = Path(config.docs_dir)
    listed = set(pages_of(config.nav))
    for folder, title in SECTIONS.items():
        pages = section(docs / folder, docs, listed)
        if pages:
            config.nav.append({title: pages})
    if not any(isinstance(item, dict) and "Catalogue" in item for item in config.nav):
        pages = [{"Overview": f"{ROOT}/index.md"}]
        pages += [{t.heading: f"{ROOT}/{kind}/index.md"} for kind, t in CARD_TYPES.items()]
        config.nav.append({"Catalogue": pages})
    return config


def pages_of(nav):
    """Every page of a navigation."""
    for item in nav:
        inner = next(iter(item.values())) if isinstance(item, dict) else item
        if isinstance(inner, str):
            yield inner
        else:
            yield from pages_of(inner)


def section(folder, docs, listed):
    """Navigation of a folder: its pages that are not listed yet, then its folders."""
    if not folder.is_dir():
        return []
    found = [p.relative_to(docs).as_posix() for p in sorted(folder.glob("*.md"))]
    pages = [page for page in found if page not in listed]
    for inner in sorted(p for p in folder.iterdir() if p.is_dir()):
        below = section(inner, docs, listed)
        if below:
            pages.append({inner.name.replace("_", " ").capitalize(): below})
    return pages


def on_files(files, config):
    """Add the generated pages."""
    for path, markdown in config.extra["catalogue"].pages().items():
        files.append(File.generated(config, path, content=markdown))
    files.append(File.generated(config, TABLES, content=describe_tables()))
    return files


def on_page_markdown(markdown, page, config, files):
    """Fill in values that hand-written pages cite."""
    if page.file.src_uri.startswith(f"{ROOT}/"):
        return markdown
    try:
        return config.extra["catalogue"].fill(markdown, page.file.src_uri)
    except KeyError as error:
        raise PluginError(str(error.args[0])) from None


def on_page_content(html, page, config, files):
    """Leave nothing in a page or its title that could run."""
    page.title = plain_title(page.title)
    return clean(html)


def on_post_page(output, page, config):
    """Say in every page what its browser may load."""
    return guarded(output)


def on_post_template(output_content, template_name, config):
    """The same for pages that are no page of ours, such as that of a missing one."""
    return guarded(output_content) if template_name.endswith(".html") else output_content
