"""What `postrun publish` writes back to runs on a W&B server."""

from postrun.publishing.content import Content, content
from postrun.publishing.writing import Change, Published, publish

__all__ = ["Change", "Content", "Published", "content", "publish"]
