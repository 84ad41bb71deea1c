"""The log only grows"""

from alembic import op

revision = "0002"
down_revision = "0001"

_SAID = "the log of a show only grows"
_FOLLOWS = "new.number <> (SELECT COALESCE(MAX(number), 0) + 1 FROM journal)"  # INSERT OR REPLACE deletes unseen


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        raising = f"BEGIN SELECT RAISE(ABORT, '{_SAID}'); END"
        op.execute(f"CREATE TRIGGER journal_update BEFORE UPDATE ON journal {raising}")
        op.execute(f"CREATE TRIGGER journal_delete BEFORE DELETE ON journal {raising}")
        op.execute(f"CREATE TRIGGER journal_insert BEFORE INSERT ON journal WHEN {_FOLLOWS} {raising}")
    elif op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION journal_refuse() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{_SAID}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER journal_keeps BEFORE UPDATE OR DELETE OR TRUNCATE ON journal "
            "FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse()"
        )


def downgrade() -> None:
    raise NotImplementedError("A show's store is never taken back to an earlier release: restore its archive there.")
