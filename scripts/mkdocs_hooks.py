"""Hooks of the documentation site: catalogue pages and values from the knowledge base."""

from __future__ import annotations

from pathlib import Path

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

from neurogenomics_kb.registry import Registry
from neurogenomics_kb.registry.cards import TITLES
from neurogenomics_kb.registry.site import ROOT, Catalogue


def on_config(config):
    """Read the cards once a build and add the catalogue to the navigation."""
    project = Path(config.config_file_path).parent
    config.extra["catalogue"] = Catalogue(Registry(project / "kb", project))
    if not any(isinstance(item, dict) and "Catalogue" in item for item in config.nav):
        pages = [{"Overview": f"{ROOT}/index.md"}]
        pages += [{title: f"{ROOT}/{kind}/index.md"} for kind, title in TITLES.items()]
        config.nav.append({"Catalogue": pages})
    return config


def on_files(files, config):
    """Add the generated pages."""
    for path, markdown in config.extra["catalogue"].pages().items():
        files.append(File.generated(config, path, content=markdown))
    return files


def on_page_markdown(markdown, page, config, files):
    """Fill in values that hand-written pages cite."""
    if page.file.src_uri.startswith(f"{ROOT}/"):
        return markdown
    try:
        return config.extra["catalogue"].fill(markdown, page.file.src_uri)
    except KeyError as error:
        raise PluginError(str(error.args[0])) from None
