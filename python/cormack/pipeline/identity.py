"""Names of cases that name nobody: folders and files with DICOM in them are often called after patients."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from .. import io
from .._errors import BackendUnavailable, ReadError
from ..io import _terms
from ..io._deidentify import without_identity
from ..io._pseudonyms import pseudonym, secret
from ..volume import Volume

__all__ = ["NamelessSource", "file_source", "name_cases"]


@dataclass(frozen=True)
class NamelessSource:
    """A source under a pseudonym: neither its name, nor what it gives, nor its errors say whose it is.

    Parameters
    ----------
    id : str
        The pseudonym; that of `cormack.io.scan` for the same series.
    source : Source
        What it stands for.
    """

    id: str
    source: io.Source

    @property
    def modality(self) -> str:
        """DICOM modality, or ""."""
        return _terms.modality(self.source.modality)

    def read(self) -> Volume:
        """Return the volume, without what its header says beside the image."""
        try:
            return without_identity(self.source.read())
        except (BackendUnavailable, MemoryError):
            raise
        except ReadError as error:
            reason = _terms.without_free_text(error.reason)
        except Exception as error:
            # What libraries say may quote the header.
            reason = f"cannot be read: {type(error).__name__}"
        raise ReadError(self.id, reason)


def file_source(source: object) -> io.Source | None:
    """The files behind a source; None where there are none."""
    source = source.source if isinstance(source, NamelessSource) else source
    return source if isinstance(source, io.Source) else None


def name_cases(sources: Sequence[io.Source], *, keep_identity: bool) -> list[io.Source | NamelessSource]:
    """Give DICOM sources their pseudonyms.

    Parameters
    ----------
    sources : sequence of Source
        All of a run.
    keep_identity : bool
        Leave their names as they are.

    Returns
    -------
    list of Source or NamelessSource
        In the same order. Other formats keep the names of their files.
    """
    if keep_identity or not any(source.kind == "dicom" for source in sources):
        return list(sources)
    key = secret()
    counts: Counter[str] = Counter()
    named: list[io.Source | NamelessSource] = []
    for source in sources:
        if source.kind != "dicom":
            named.append(source)
            continue
        kind, text = ("series", source.series_uid) if source.series_uid else ("file", source.id)
        name = pseudonym(key, kind, text)
        counts[name] += 1
        named.append(NamelessSource(name if counts[name] == 1 else f"{name}-{counts[name]}", source))
    return named
