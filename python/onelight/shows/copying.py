"""Copies a show's tables out of another database into a SQLite file, for its archive."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import insert, select

from onelight.shows import engines, migration
from onelight.shows.schema import Base
from onelight.shows.store import Show


def copy_out(show: Show, to: Path) -> None:
    """All rows as they are at one moment, into the new file `to`."""
    engine = engines.sqlite(to)
    try:
        migration.upgrade(engine, show.name)
        with show.session() as source, engine.begin() as target:
            for table in Base.metadata.sorted_tables:
                # The log's triggers take its entries only in their order.
                rows = source.execute(select(table).order_by(*table.primary_key.columns))
                for part in rows.mappings().partitions(1000):
                    target.execute(insert(table), [dict(row) for row in part])
    finally:
        engine.dispose()
