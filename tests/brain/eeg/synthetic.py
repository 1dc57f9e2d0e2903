"""Recordings with planted properties, written as real files of every format."""

from __future__ import annotations

import json
from pathlib import Path

import mne
import numpy as np
import pandas as pd

CHANNELS = [
    "Fp1", "Fp2", "F7", "F3", "Fz", "F4", "F8", "T7", "C3", "Cz", "C4", "T8", "P7", "P3", "Pz",
    "P4", "P8", "O1", "O2",
]  # fmt: skip
OCCIPITAL = ["O1", "O2", "P3", "Pz", "P4", "P7", "P8"]
FORMATS = (".edf", ".bdf", ".vhdr", ".set", ".fif")
EXPONENT, ALPHA = 1.5, 10.0


def coloured_noise(rng, shape, sfreq, exponent) -> np.ndarray:
    """Noise whose power falls with the frequency to the given exponent."""
    n = shape[-1]
    frequencies = np.fft.rfftfreq(n, 1 / sfreq)
    frequencies[0] = frequencies[1]
    return np.fft.irfft(
        np.fft.rfft(rng.normal(size=shape), axis=-1) * frequencies ** (-exponent / 2), n=n, axis=-1
    )


def narrow_noise(rng, n_times, sfreq, centre, width=0.5) -> np.ndarray:
    """Noise with a Gaussian spectrum around a frequency."""
    frequencies = np.fft.rfftfreq(n_times, 1 / sfreq)
    spectrum = np.fft.rfft(rng.normal(size=n_times))
    signal = np.fft.irfft(spectrum * np.exp(-((frequencies - centre) ** 2) / 4 / width**2), n_times)
    return signal / signal.std()


def make_raw(
    seed=0, *, seconds=60.0, sfreq=250.0, names=tuple(CHANNELS), alpha=ALPHA, alpha_uv=12.0,
    exponent=EXPONENT, montage="colin27_1005", line=0.0,
) -> mne.io.RawArray:  # fmt: skip
    """Smooth 1/f noise of 10 µV, and an alpha rhythm at the back of the head."""
    rng = np.random.default_rng(seed)
    n = int(seconds * sfreq)
    places = mne.channels.make_standard_montage(montage).get_positions()["ch_pos"]
    xyz = np.array([places[name] for name in names])
    distance = np.linalg.norm(xyz[:, None] - xyz[None], axis=2)
    mixing = np.exp(-((distance / 0.08) ** 2))
    noise = mixing @ coloured_noise(rng, (len(names), n), sfreq, exponent)
    data = 10 * noise / noise.std(axis=1, keepdims=True)
    if alpha is not None:
        rhythm = narrow_noise(rng, n, sfreq, alpha)
        data[[name in OCCIPITAL for name in names]] += alpha_uv * rhythm
    data += line * np.sin(2 * np.pi * 50 * np.arange(n) / sfreq)
    info = mne.create_info(list(names), sfreq, "eeg")
    return mne.io.RawArray(data * 1e-6, info, verbose="error")


def write_recording(
    root: Path, raw: mne.io.BaseRaw, suffix=".edf", *, subject="sub-01", session="", run="",
    task="rest", sidecar=None,
) -> Path:  # fmt: skip
    """One recording of a BIDS folder, with its sidecar unless `sidecar` is False."""
    folder = root / subject / session / "eeg"
    folder.mkdir(parents=True, exist_ok=True)
    parts = [subject, session, f"task-{task}", run, "eeg"]
    path = folder / ("_".join(filter(None, parts)) + suffix)
    if suffix == ".fif":
        raw.save(path, overwrite=True, verbose="error")
    elif suffix == ".bdf":
        write_bdf(path, raw)
    else:
        mne.export.export_raw(path, raw, overwrite=True, verbose="error")
    if sidecar is not False:
        fields = {"PowerLineFrequency": 50, "EEGReference": "n/a", **(sidecar or {})}
        path.with_suffix(".json").write_text(json.dumps(fields))
    return path


def write_bdf(path: Path, raw: mne.io.BaseRaw) -> None:
    from edfio import Bdf, BdfSignal

    signals = [
        BdfSignal(row, raw.info["sfreq"], label=name, physical_dimension="uV")
        for name, row in zip(raw.ch_names, raw.get_data() * 1e6, strict=True)
    ]
    Bdf(signals).write(path)


def write_mixed_edf(path: Path, raw: mne.io.BaseRaw, slow: list[str], factor=2) -> None:
    """An EDF file in which some channels are sampled more slowly."""
    from edfio import Edf, EdfSignal

    path.parent.mkdir(parents=True, exist_ok=True)
    signals = [
        EdfSignal(
            row[::factor] if name in slow else row,
            raw.info["sfreq"] / (factor if name in slow else 1),
            label=name,
            physical_dimension="uV",
        )
        for name, row in zip(raw.ch_names, raw.get_data() * 1e6, strict=True)
    ]
    Edf(signals).write(path)


def write_table(path: Path, **columns) -> None:
    pd.DataFrame(columns).to_csv(path, sep="\t", index=False)


def write_edf_plus(
    path: Path, raw: mne.io.BaseRaw, onsets, *, seconds=1.0, kind="EDF+D", records=None,
    prefilter="", notes=(), step_uv=0.05,
) -> None:  # fmt: skip
    """An EDF+ file byte by byte: records of `seconds` at `onsets`, and annotations in file time."""
    bdf = path.suffix == ".bdf"
    width, annotation = (3, 120) if bdf else (2, 114)
    per_record = int(seconds * raw.info["sfreq"])
    names = [*raw.ch_names, f"{kind[:3]} Annotations"]
    n_channels = len(raw.ch_names)
    top = 32767
    samples = [per_record] * n_channels + [annotation // width]
    limits = [(-top * step_uv, top * step_uv)] * n_channels + [(-1, 1)]

    def cells(values, length):
        return "".join(f"{value!s:<{length}}"[:length] for value in values)

    header = (
        ("\xffBIOSEMI" if bdf else f"{0:<8}") + f"{'X X X X':<80}"
        + f"{'Startdate 01-JAN-2020 X X X':<80}" + "01.01.20" + "00.00.00"
        + f"{256 * (len(names) + 1):<8}" + f"{kind:<44}"
        + f"{len(onsets) if records is None else records:<8}" + f"{seconds:<8g}"
        + f"{len(names):<4}"
        + cells(names, 16) + cells([""] * len(names), 80)
        + cells(["uV"] * n_channels + [""], 8)
        + cells([f"{low:.6g}" for low, _ in limits], 8)
        + cells([f"{high:.6g}" for _, high in limits], 8)
        + cells([-top] * n_channels + [-32768], 8) + cells([top] * n_channels + [32767], 8)
        + cells([*([prefilter] * n_channels), ""], 80)
        + cells(samples, 8) + cells([""] * len(names), 32)
    )  # fmt: skip
    data = np.round(raw.get_data() * 1e6 / step_uv).astype("<i4")
    path.parent.mkdir(parents=True, exist_ok=True)
    waiting = list(notes)
    with path.open("wb") as stream:
        stream.write(header.encode("latin-1"))
        for number, onset in enumerate(onsets):
            part = data[:, number * per_record : (number + 1) * per_record]
            if bdf:
                stream.write(part.reshape(-1, 1).view("u1")[:, :3].tobytes())
            else:
                stream.write(part.astype("<i2").tobytes())
            tal = b"" if onset is None else f"+{onset:g}\x14\x14\x00".encode()
            while waiting and onset is not None and waiting[0][0] < onset + seconds:
                at, length, text = waiting.pop(0)
                tal += f"+{at:g}\x15{length:g}\x14{text}\x14\x00".encode()
            stream.write(tal.ljust(annotation, b"\x00"))
