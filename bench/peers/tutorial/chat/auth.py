"""Who is calling: a JWT in the `Authorization` header, its user from the database."""

import jwt
from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User


@database_sync_to_async
def user_of(token):
    try:
        claims = jwt.decode(token, settings.SECRET_KEY, algorithms=["HS256"])
        return User.objects.get(username=claims["sub"])
    except (jwt.InvalidTokenError, KeyError, User.DoesNotExist):
        return AnonymousUser()


class TokenAuthMiddleware:
    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        header = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        scope["user"] = await user_of(header.removeprefix("Bearer "))
        return await self.app(scope, receive, send)
