"""The tables of a show's store, as SQLAlchemy classes; times are UTC, hashes are lower-case hexadecimal SHA-256."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, DateTime, ForeignKey, MetaData, String, Text, TypeDecorator, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

# Named constraints, so that a later migration can speak of them in every database.
NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, always with its zone in Python and always UTC; SQLite alone would forget the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Raises ValueError for a time without a zone: nobody could say which moment is meant."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value} has no time zone: moments are kept as UTC")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Aware, UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar = {datetime: UtcDateTime, dict[str, Any]: JSON, list[str]: JSON}


class Rights(Base):
    """A statement of what may be done with clips, as it was given."""

    __tablename__ = "rights"
    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)  # of the statement's canonical text
    owner: Mapped[str] = mapped_column(Text)
    basis: Mapped[str] = mapped_column(Text)  # production agreement, licence, public domain, ...
    purposes: Mapped[list[str]]  # from a closed list; `training` has to be among them to learn from a clip
    expires: Mapped[datetime | None]
    consents: Mapped[dict[str, Any]]  # performer -> {"given": date, "scope": [...], ...}
    source: Mapped[str] = mapped_column(Text)  # name and hash of the file it came from


class Setup(Base):
    """Takes of one camera position and light: what training holds out is whole set-ups."""

    __tablename__ = "setups"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text, unique=True)
    told: Mapped[dict[str, Any]]  # why these clips belong together: slate, lens, reel, look


class Clip(Base):
    """One clip of the dailies. The original files are never touched; `path` says where they were."""

    __tablename__ = "clips"
    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)  # over its files' hashes in order
    name: Mapped[str] = mapped_column(Text)  # as camera or editorial call it
    path: Mapped[str] = mapped_column(Text)  # a movie, or a sequence in fileseq's notation
    kind: Mapped[str] = mapped_column(String(16))  # movie | sequence | still
    first: Mapped[int]
    last: Mapped[int]
    width: Mapped[int]
    height: Mapped[int]
    rate: Mapped[str] = mapped_column(String(32))  # frames a second, a fraction: '24000/1001'
    space: Mapped[str] = mapped_column(Text)  # input colour space, as colour.py names it; empty: unknown
    reel: Mapped[str] = mapped_column(Text)
    timecode: Mapped[str] = mapped_column(String(16))  # of the first frame; empty: none
    camera: Mapped[dict[str, Any]]  # normalised: camera, lens, focal_mm, t_stop, iso, shutter_deg, white_balance_k, ...
    cdl: Mapped[dict[str, Any] | None]  # slope, offset, power [3], saturation, and where it came from
    files: Mapped[dict[str, Any]]  # file name -> {"size", "xxh128" or what its hash list has}
    ingested: Mapped[datetime]
    withdrawn: Mapped[datetime | None]
    withdrawn_why: Mapped[str] = mapped_column(Text, default="")
    rights_id: Mapped[int | None] = mapped_column(ForeignKey("rights.id"))
    setup_id: Mapped[int | None] = mapped_column(ForeignKey("setups.id"))
    rights: Mapped[Rights | None] = relationship(lazy="joined")
    setup: Mapped[Setup | None] = relationship(lazy="joined")
    spans: Mapped[list[Span]] = relationship(
        back_populates="clip", cascade="all, delete-orphan", order_by="Span.first", lazy="selectin"
    )
    events: Mapped[list[Event]] = relationship(back_populates="clip", cascade="all, delete-orphan", lazy="selectin")


class Span(Base):
    """A stretch of a clip, first and last frame included: a shot, or something kept out of training, and why."""

    __tablename__ = "spans"
    id: Mapped[int] = mapped_column(primary_key=True)
    clip_id: Mapped[int] = mapped_column(ForeignKey("clips.id"))
    kind: Mapped[str] = mapped_column(String(16))  # shot | slate | bars | flash | letterbox | burn_in | baked_look
    first: Mapped[int]
    last: Mapped[int]
    told: Mapped[dict[str, Any]]  # what was measured: {"box": [x1, y1, x2, y2]} for letterbox, burn-ins
    clip: Mapped[Clip] = relationship(back_populates="spans")


class Event(Base):
    """An editorial event that uses a clip."""

    __tablename__ = "events"
    id: Mapped[int] = mapped_column(primary_key=True)
    clip_id: Mapped[int] = mapped_column(ForeignKey("clips.id"))
    source: Mapped[str] = mapped_column(Text)  # the EDL, ALE, AAF or OTIO file
    name: Mapped[str] = mapped_column(Text)
    first: Mapped[int]  # frames of the clip that were used
    last: Mapped[int]
    cdl: Mapped[dict[str, Any] | None]
    clip: Mapped[Clip] = relationship(back_populates="events")


class Run(Base):
    """One training run."""

    __tablename__ = "runs"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)  # its folder under training/
    tool: Mapped[str] = mapped_column(String(64))
    state: Mapped[str] = mapped_column(String(16))  # running | stopped | done | failed
    begun: Mapped[datetime]
    ended: Mapped[datetime | None]
    settings: Mapped[dict[str, Any]]
    tracked: Mapped[str] = mapped_column(Text, default="")  # the run's id in MLflow


class ModelVersion(Base):
    """One version of one tool. Its files lie in models/TOOL/NAME and never change; its state does, and is logged."""

    __tablename__ = "versions"
    __table_args__ = (UniqueConstraint("tool", "number"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    tool: Mapped[str] = mapped_column(String(64))
    number: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))  # as the registry computes it
    state: Mapped[str] = mapped_column(String(16))  # candidate | approved | retired
    created: Mapped[datetime]
    gain: Mapped[str] = mapped_column(String(16))  # gain | no gain | not measured: beside its base, with confidence
    clips: Mapped[list[Clip]] = relationship(secondary="learnt", lazy="selectin")

    @property
    def name(self) -> str:
        """As people write it: v003."""
        return f"v{self.number:03d}"


class Learnt(Base):
    """Which version learnt from which clip."""

    __tablename__ = "learnt"
    version_id: Mapped[int] = mapped_column(ForeignKey("versions.id"), primary_key=True)
    clip_id: Mapped[int] = mapped_column(ForeignKey("clips.id"), primary_key=True)


class Token(Base):
    """A credential for this show; only its argon2 hash is kept."""

    __tablename__ = "tokens"
    id: Mapped[int] = mapped_column(primary_key=True)
    public: Mapped[str] = mapped_column(String(32), unique=True)  # the part by which it is looked up
    hash: Mapped[str] = mapped_column(Text)
    label: Mapped[str] = mapped_column(Text)  # who or what has it
    created: Mapped[datetime]
    expires: Mapped[datetime | None]
    revoked: Mapped[datetime | None]


class Entry(Base):
    """One entry of the append-only log; each hash covers the one before, so nothing can be changed or left out.

    Triggers of the database (migration 0002) refuse to change or delete one.
    """

    __tablename__ = "journal"
    number: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[str] = mapped_column(String(40))  # ISO 8601, UTC, as text: it is hashed
    who: Mapped[str] = mapped_column(Text)
    action: Mapped[str] = mapped_column(String(64))  # 'version approve', 'dailies withdraw', ...
    subject: Mapped[str] = mapped_column(Text)
    why: Mapped[str] = mapped_column(Text)
    told: Mapped[dict[str, Any]]
    before: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    signature: Mapped[str] = mapped_column(String(128))  # of the hash, by the show's key, as hexadecimal digits
