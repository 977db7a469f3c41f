"""The same shop as its worker sees it: finalised and configured."""

from celery_shop import Report, queue

queue.register_task(Report())
queue.finalize()
queue.conf.get("broker_url")
