"""The AsyncAPI 3 document of the sockets, made from the types of `frames.py`.

`schemas` turns types into JSON schemas, `channels` says which frame belongs where and what answers
it, `examples` has one of each, `words` what types can't say; `document` puts them together.
"""

from therapyconnect.realtime.asyncapi.document import document

__all__ = ["document"]
