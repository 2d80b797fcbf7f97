"""`manage.py loadpairs N`: the pairs that talk, named as the product's `loadusers` names them."""

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand

from chat.models import Chat


class Command(BaseCommand):
    def add_arguments(self, parser):
        parser.add_argument("pairs", type=int)

    def handle(self, *, pairs, **options):
        ids = [(f"t_load{n:05}", f"p_load{n:05}") for n in range(1, pairs + 1)]
        User.objects.bulk_create(User(username=one) for pair in ids for one in pair)
        users = {user.username: user for user in User.objects.all()}
        Chat.objects.bulk_create(
            Chat(id=f"CHAT_{t}_{p}", therapist=users[t], patient=users[p]) for t, p in ids
        )
