"""Tokens of identity providers outside: accepted by issuer, verified against the provider's keys.

`providers` what is configured · `fetch` one bounded request · `jwks` keys out of a key set ·
`keysource` the keys we have, and when to ask again · `verifier` the judgement · `access` the
dispatch between our tokens and theirs. Import from the modules: `providers` is read before
Django's settings exist, the others after.
"""
