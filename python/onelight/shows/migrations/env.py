"""Alembic's entry: runs the migrations on the connection that `migration.upgrade` hands over."""

from typing import Any, Literal

from alembic import context
from onelight.shows.schema import Base, UtcDateTime


def _render(kind: str, thing: object, _: Any) -> str | Literal[False]:
    # Revisions stand for themselves: what they say must not change with our classes.
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(thing, UtcDateTime) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    render_item=_render,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
