"""Publishing in two steps: a container with a picture and a caption, then the post.

After "Content Publishing" and "IG User Media" (read 2026-11): the picture is fetched when the
container is made; JPEG only, at most 8 MiB, between 4:5 and 1.91:1; a caption of 2,200 letters, 30
hashtags, 20 people; a container lives 24 hours; 100 posts in 24 hours by the interface.
"""

from __future__ import annotations

from datetime import timedelta

from rehearsal.instagram import problems
from rehearsal.instagram.fetching import fetch
from rehearsal.instagram.model import Container, Picture
from rehearsal.instagram.simulator import Call, Simulator
from rehearsal.instagram.world import hashtags, names
from rehearsal.pictures import look_at
from rehearsal.records import Json

MOST_BYTES = 8 * 1024 * 1024
NARROWEST, WIDEST = 4 / 5, 1.91
CAPTION, HASHTAGS, PEOPLE = 2_200, 30, 20
QUOTA, QUOTA_SPAN = 100, timedelta(hours=24)


def install(sim: Simulator) -> None:
    sim.handlers |= {
        "POST /:user/media": contain,
        "POST /:user/media_publish": publish,
        "GET /:user/content_publishing_limit": limit,
    }


def _may(call: Call) -> None:
    call.require("instagram_business_content_publish", "instagram_content_publish")


def contain(call: Call) -> Json:
    """The first step. Raises what is wrong with picture or caption."""
    call.only("image_url", "caption", "alt_text", "media_type", "is_carousel_item")
    _may(call)
    kind = str(call.given.get("media_type", "IMAGE"))
    if kind not in ("IMAGE", "STORIES"):
        raise problems.parameter(f"The media type {kind} is not simulated")
    caption = str(call.given.get("caption", ""))
    too_many = len(hashtags(caption)) > HASHTAGS or len(names(caption)) > PEOPLE
    if len(caption) > CAPTION or too_many:
        raise problems.caption_too_long()
    picture = _picture(call, call.text("image_url"))
    alt = str(call.given.get("alt_text", ""))
    made = call.sim.world.contain(
        call.sim.shop.id, caption, picture.id, alt=alt, is_story=kind == "STORIES"
    )
    call.accept("contain", made.id, text=caption)
    return {"id": made.id}


def _picture(call: Call, url: str) -> Picture:
    content = fetch(url, local=call.sim.manners.fetch_local, most=MOST_BYTES)
    if content is None:
        raise problems.picture_not_fetched(url)
    if len(content) > MOST_BYTES:
        raise problems.picture_too_large()
    mime, (width, height) = look_at(content)
    if mime != "image/jpeg" or not width or not height:
        raise problems.picture_wrong_kind()
    # A hair's breadth: 1080 by 566 is what Meta's own page calls 1.91:1.
    if not NARROWEST - 0.005 <= width / height <= WIDEST + 0.005:
        raise problems.picture_wrong_ratio(width / height)
    return call.sim.world.add_picture(content, mime, (width, height))


def publish(call: Call) -> Json:
    call.only("creation_id")
    _may(call)
    found = call.sim.world.containers.get(call.text("creation_id"))
    if found is None:
        raise problems.container_gone(str(call.given["creation_id"]))
    status, _ = call.sim.status_of(found)
    if status in ("EXPIRED", "ERROR", "PUBLISHED"):
        raise problems.container_gone(found.id)
    if status == "IN_PROGRESS":
        raise problems.not_ready()
    if len(_published(call)) >= QUOTA:
        raise problems.published_enough()
    media = call.sim.world.publish(found.id)
    call.accept("publish", media.id, text=media.caption, target=found.id)
    return {"id": media.id}


def _published(call: Call) -> list[Container]:
    since = call.sim.world.clock.now() - QUOTA_SPAN
    media = call.sim.world.media
    return [
        one
        for one in call.sim.world.containers.values()
        if one.published_as and media[one.published_as].created_at > since
    ]


def limit(call: Call) -> Json:
    call.only("since")
    _may(call)
    body: Json = {
        "quota_usage": len(_published(call)),
        "config": {"quota_total": QUOTA, "quota_duration": int(QUOTA_SPAN.total_seconds())},
    }
    wanted = [one.name for one in call.fields or ()] or ["quota_usage"]
    for name in wanted:
        if name not in body:
            raise problems.unknown_field(name, "ContentPublishingLimitResponse")
    return {"data": [{name: body[name] for name in wanted}]}
