import time
from django.db import connection
from tests.api.bulk import make_caseload
from tests.api.test_query_counts import THERAPIST, Reader, reader  # noqa
from therapyconnect.messaging.selectors import unread


def test_it(reader):
    t = time.time()
    load = make_caseload(THERAPIST, chats=200, each=500)
    print("made", time.time() - t)
    import therapyconnect.messaging.urls
    from therapyconnect.accounts.principal import Principal
    from therapyconnect.core.queries import run
    from therapyconnect.core.pagination import encode_cursor

    p = Principal(THERAPIST, "therapist", "", "", session_id="", expires_at=0)
    f = unread.UnreadFilters()
    for i in range(40):
        t = time.time()
        page = run(unread.unread_page(viewer=p, filters=f))
        i % 10 == 0 and print("page", time.time() - t, len(page.items), page.next)
        f.cursor = encode_cursor(page.next)
    with connection.cursor() as c:
        for analyze in (True,):
            c.execute(
                "EXPLAIN (ANALYZE, BUFFERS) "
                + unread._PAGE_SQL.format(own="therapist", place="TRUE", order="DESC"),
                {"viewer": THERAPIST, "chat": None, "fetch": 51, "reach": 101},
            )
            print("\n".join(r[0] for r in c.fetchall()))
