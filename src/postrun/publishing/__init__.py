"""What `postrun publish` writes back to runs on a W&B server."""

from postrun.publishing.content import Content, content
from postrun.publishing.each import Wish, publish_each
from postrun.publishing.writing import Change, Published, publish, undo

__all__ = ["Change", "Content", "Published", "Wish", "content", "publish", "publish_each", "undo"]
