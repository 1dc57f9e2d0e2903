"""Configuration: whose files are read, what was collected, and which experiment runs.

An environment is a cohort. Kedro lays one environment over ``conf/base``; here there may be more
layers: base, the environment's parents, the environment, and ``conf/local``.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from kedro.config import MissingConfigException, OmegaConfigLoader
from omegaconf import OmegaConf
from omegaconf.errors import ConfigAttributeError, OmegaConfBaseException
from yaml import YAMLError
from yaml.parser import ParserError

from neurogenomics_kb.foundation.errors import InputError, listing, nearest
from neurogenomics_kb.registry.yaml_file import unreadable

CORRECT = "Correct the file."
# What globals.yml may say, for words that are nearly these.
OWN_WORDS = ("cohort", "experiment", "collected", "parent", "minimum_cell")
WHOLE_EXPERIMENT = {"id", "outcome"}
# Lies over every environment: credentials, a team's tracking server, paths of one machine.
LOCAL = "local"
# Without participants there is no cohort.
ALWAYS = "participants"
NOT_COLLECTED = "neurogenomics_kb.datasets.NotCollectedDataset"
# What the shell says, before MLflow writes into the same variable what a run uses.
TRACKING_VARIABLE = "MLFLOW_TRACKING_URI"
GIVEN_TRACKING = os.environ.get(TRACKING_VARIABLE)
STORE, SQLITE = "sqlite:///mlflow.db", "sqlite:///"


def resolve_cohort_dir(cohort: str) -> str:
    """Folder of a cohort's raw files.

    Parameters
    ----------
    cohort : str
        Cohort id, as in ``globals.yml``.

    Returns
    -------
    str
        The environment variable ``NGKB_<COHORT>_DIR`` if it is set, else ``data/01_raw/<cohort>``.
    """
    return os.environ.get(f"NGKB_{cohort.upper()}_DIR") or f"data/01_raw/{cohort}"


def is_whole(experiment: Any) -> bool:
    """Whether an experiment stands by itself, rather than changing a few fields of another."""
    if not isinstance(experiment, dict) or not set(experiment) >= WHOLE_EXPERIMENT:
        return False
    return "blocks" in experiment or "fusion" in experiment


def is_raw(entry: Any) -> bool:
    """Whether a catalog entry is a raw file, or stands for one that was not collected."""
    metadata = (entry.get("metadata") or {}) if isinstance(entry, dict) else {}
    return metadata.get("kedro-viz", {}).get("layer") == "raw"


def is_absent(entry: dict[str, Any]) -> bool:
    """Whether a catalog entry stands for a file that was not collected."""
    return str(entry.get("type", "")).endswith(".NotCollectedDataset")


def names_entry(name: str, entry: str) -> bool:
    """Whether a name under ``collected``, an entry or a modality, stands for an entry."""
    return entry == name or entry.startswith(f"{name}.")


def only_collected(
    catalog: dict[str, Any], own: Iterable[str], collected: list[str], file: str
) -> dict[str, Any]:
    """Catalog in which raw entries that nobody collected are declared so.

    Parameters
    ----------
    catalog : dict of str to dict
        All layers, merged.
    own : iterable of str
        Entries that the environment itself defines, which are collected whether named or not.
    collected : list of str
        Raw entries (``smri.freesurfer``) or modalities (``smri``: those of its entries that have a
        standard place in ``conf/base``).
    file : str
        Where `collected` stands, for messages and reasons.

    Raises
    ------
    InputError
        If a name stands for nothing, or for files whose place nobody gives.
    """
    every = {name for name, entry in catalog.items() if is_raw(entry)}
    raw = {name for name in every if not is_absent(catalog[name])}
    # What an environment defines is settled, be it as not collected.
    settled = raw | set(own)
    for name in collected:
        if any(names_entry(name, entry) for entry in settled):
            continue
        placeless = [entry for entry in sorted(every) if names_entry(name, entry)]
        if placeless:
            raise InputError(
                f"'{name}' is collected, and no catalog says where it is",
                file=file,
                column="collected",
                remedy=f"Write an entry ({listing(placeless)}) into catalog/raw.yml of the "
                "environment.",
            )
        known = {*raw, *(entry.split(".")[0] for entry in raw)}
        raise InputError(
            f"there is no raw entry or modality '{name}'{nearest(name, sorted(known))}",
            file=file,
            column="collected",
            remedy=f"Entries with a standard place are {listing(sorted(raw), 20)}.",
        )
    kept = {*own, *(e for e in raw if any(names_entry(name, e) for name in [*collected, ALWAYS]))}
    absent = {
        entry: {
            "type": NOT_COLLECTED,
            "modality": entry.split(".")[0],
            "reason": f"not collected: `collected` in {file} does not name it",
            "metadata": catalog[entry]["metadata"],
        }
        for entry in raw - kept
    }
    return {**catalog, **absent}


def tracking_at(config: dict[str, Any], project: Path, given: str | None) -> dict[str, Any]:
    """Configuration of tracking whose store does not hang on the folder a command is typed in.

    Parameters
    ----------
    config : dict
        ``mlflow.yml`` of all layers.
    project : Path
        A relative SQLite file lies below it.
    given : str or None
        Tracking server that the shell names, which goes before the configuration's.
    """
    server = config.get("server") or {}
    uri = given or server.get("mlflow_tracking_uri") or STORE
    return {**config, "server": {**server, "mlflow_tracking_uri": below(project, uri)}}


def below(project: Path, uri: str) -> str:
    """Address of a store; of a relative SQLite file, that below the project's folder."""
    if uri.startswith(SQLITE) and not uri.startswith(f"{SQLITE}/"):
        return f"{SQLITE}{project / uri.removeprefix(SQLITE)}"
    return uri


def unreadable_in(folder: Path, error: YAMLError | UnicodeDecodeError) -> InputError:
    """One line about the file of a folder in which something cannot be read.

    Parameters
    ----------
    folder : Path
        Of configuration.
    error : YAMLError or UnicodeDecodeError
        What was said of one of its files, without its name.
    """
    for file in sorted(p for p in folder.rglob("*") if p.suffix in {".yml", ".yaml", ".json"}):
        try:
            OmegaConf.create(file.read_text(encoding="utf-8"))
        except (UnicodeDecodeError, YAMLError) as found:
            return unreadable(found, file, CORRECT)
        except (OSError, OmegaConfBaseException):
            continue
    return unreadable(error, folder, CORRECT)


class CohortConfigLoader(OmegaConfigLoader):
    """Kedro's loader with an environment per cohort.

    - ``globals.yml`` of an environment says what was ``collected``. Other raw entries of
      ``conf/base`` are declared as not collected.
    - A variant of a cohort names its ``parent`` and says only what differs. An environment that
      names neither a parent nor what was collected is of the older kind, which was written against
      the default cohort: that is its parent.
    - ``conf/local`` lies over every environment. Without an environment, or with ``base`` or
      ``local``, which plugins name, the default cohort runs.
    - A whole experiment replaces the one below it. Other parameters are merged key by key, which is
      what ``--params experiment.blocks.brain=…`` wants; but an experiment file that names its own
      blocks must not inherit the default's, or a study of two blocks would run with three.
    """

    @cached_property
    def layers(self) -> list[str]:
        """Environments over ``conf/base``, the last one on top."""
        nobody = (None, "", self.base_env, LOCAL)
        name = self.default_run_env if self.env in nobody else self.env
        chain: list[str] = []
        while name:
            if name in chain:
                raise InputError(
                    f"environments are parents of one another: {listing([*chain, name])}",
                    file=self._file(name),
                    column="parent",
                    remedy="The parent of a variant is the cohort that it varies.",
                )
            chain.insert(0, name)
            self._require(name, chain)
            own = self._globals_of(name)
            self._check_globals(own, name)
            older = not {"parent", "collected"} & set(own) and name != self.default_run_env
            name = self.default_run_env if older else own.get("parent")
        return [*chain, LOCAL] if self._fs.isdir(self._get_conf_env_path(LOCAL)) else chain

    def _require(self, name: str, chain: list[str]) -> None:
        """Refuse an environment that does not exist, before a plugin takes its own defaults."""
        if self._fs.isdir(self._get_conf_env_path(name)):
            return
        there = sorted(p.parent.name for p in Path(self.conf_source).glob("*/globals.yml"))
        there = [environment for environment in there if environment != self.base_env]
        raise InputError(
            f"there is no environment '{name}'{nearest(name, there)}",
            file=self._file(chain[1]) if len(chain) > 1 else None,
            column="parent" if len(chain) > 1 else None,
            remedy=f"Environments are {listing(there, 20)}.",
        )

    def _check_globals(self, own: dict[str, Any], name: str) -> None:
        """Refuse what an environment says of itself in another form, or misspells.

        Raises
        ------
        InputError
        """
        file = self._file(name)
        parent, collected = own.get("parent"), own.get("collected")
        if not (parent is None or isinstance(parent, str)) or parent in (self.base_env, LOCAL):
            raise InputError(
                f"{parent!r} is no parent",
                file=file,
                column="parent",
                remedy=f"Name one environment that this one varies; {self.base_env} and {LOCAL} "
                "belong to all.",
            )
        if not (collected is None or isinstance(collected, list)):
            raise InputError(
                f"expected a list, found {collected!r}",
                file=file,
                column="collected",
                remedy="Write `collected: [participants, smri]`.",
            )
        for key in own:
            meant = difflib.get_close_matches(str(key), OWN_WORDS, 1, cutoff=0.8)
            if meant and key not in OWN_WORDS:
                raise InputError(
                    f"there is no such word, did you mean '{meant[0]}'?",
                    file=file,
                    column=str(key),
                    remedy="Correct it, or give a global of your own a name that differs more.",
                )

    def _file(self, environment: str) -> str:
        return f"{Path(self.conf_source).name}/{environment}/globals.yml"

    def _globals_of(self, environment: str) -> dict[str, Any]:
        """What an environment's own ``globals.yml`` says, unresolved."""
        path = self._get_conf_env_path(environment)
        files = self._read_dir_configs(path, self.config_patterns["globals"], "globals", set())
        merged = OmegaConf.unsafe_merge(*files.values()) if files else OmegaConf.create()
        return OmegaConf.to_container(merged)

    def _read_dir_configs(self, conf_path: str, *arguments: Any, **options: Any) -> Any:
        """Files of one folder; what is no YAML is one line (the signature is Kedro's)."""
        try:
            return super()._read_dir_configs(conf_path, *arguments, **options)
        except ParserError as error:
            raise InputError(str(error).rstrip("."), remedy="Correct the file.") from None
        except ConfigAttributeError:
            raise InputError(
                "a file here holds a list, where names with values are expected",
                file=conf_path,
                remedy="Write `cohort: …` and so on.",
            ) from None
        except (YAMLError, UnicodeDecodeError) as error:
            raise unreadable_in(Path(conf_path), error) from None

    def _read_raw_config(self, key: str):
        read: set[Path] = set()
        files = {
            name: self._read_dir_configs(
                self._get_conf_env_path(name), self.config_patterns[key], key, read,
                key == "credentials",
            )
            for name in [self.base_env, *self.layers]
        }  # fmt: skip
        paths = [self._get_conf_env_path(name) for name in (self.base_env, self.layers[-1])]
        return files.pop(self.base_env), files, *paths, read

    def _resolve_from_raw_config(  # the signature is Kedro's
        self, key: str, base_configs, env_configs, base_path: str, env_path: str, processed_files
    ) -> dict[str, Any]:
        if key == "globals":
            # They are the same for every run of an environment.
            OmegaConf.clear_resolver("runtime_params")
        config = self._merge_and_resolve(key, base_configs)
        layers = {name: self._merge_and_resolve(key, env_configs[name]) for name in self.layers}
        for name, layer in layers.items():
            config = self._merge_configs(config, layer, key, self._get_conf_env_path(name))
        if not processed_files and key != "globals":
            raise MissingConfigException(
                f"No files of YAML or JSON format found in {base_path} or {env_path} matching"
                f" the glob pattern(s): {[*self.config_patterns[key]]}"
            )
        if key == "mlflow":
            return tracking_at(config, Path(self.conf_source).absolute().parent, GIVEN_TRACKING)
        return self._declare_absent(config, layers) if key == "catalog" else config

    def _declare_absent(self, catalog: dict[str, Any], layers: dict[str, Any]) -> dict[str, Any]:
        """Catalog in which what the topmost ``collected`` does not name is not collected."""
        saying = [name for name in self.layers if "collected" in self._globals_of(name)]
        if not saying:
            return catalog
        above = self.layers[self.layers.index(saying[-1]) :]
        own = {entry for name in above for entry in layers[name]}
        collected = self["globals"]["collected"] or []
        return only_collected(
            catalog, own, [str(name) for name in collected], self._file(saying[-1])
        )

    def _merge_and_resolve(self, key: str, config_per_file) -> dict[str, Any]:
        merged = super()._merge_and_resolve(key, config_per_file)
        given = (self.runtime_params or {}).get("experiment")
        if key == "parameters" and merged and is_whole(given):
            merged["experiment"] = given
        return merged

    def _merge_configs(self, config, env_config, key: str, env_path: str) -> Any:
        if key == "parameters" and is_whole(env_config.get("experiment")):
            config = {k: v for k, v in config.items() if k != "experiment"}
        return super()._merge_configs(config, env_config, key, env_path)


# How a run reads its configuration; whatever else reads it does so too.
LOADER_ARGUMENTS: dict[str, Any] = {
    "base_env": "base",
    "config_patterns": {"mlflow": ["mlflow*", "mlflow*/**", "**/mlflow*"]},
    # The cohort that runs where no --env is given.
    "default_run_env": "demo",
    # Environments say only what differs; without a soft merge a cohort that sets one threshold
    # would lose every other parameter of that group.
    "merge_strategy": {"parameters": "soft", "globals": "soft", "mlflow": "soft"},
    "custom_resolvers": {"cohort_dir": resolve_cohort_dir},
}
