from django.db import migrations, models


class Migration(migrations.Migration):
    """Tolerates the column: a restore of a backup from before this migration has added it already."""

    dependencies = [
        ("messaging", "0002_whole_contract"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddField(
                    model_name="chat",
                    name="forked_seq",
                    field=models.BigIntegerField(null=True),
                ),
            ],
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE messaging_chat ADD COLUMN IF NOT EXISTS forked_seq bigint",
                    "ALTER TABLE messaging_chat DROP COLUMN forked_seq",
                ),
            ],
        ),
    ]
