"""A feed over a WebSocket: what is said comes back in capitals."""

from typing import Annotated

from fastapi import APIRouter, Depends, WebSocket, WebSocketDisconnect

from examples.api.security import invited

router = APIRouter(tags=["feed"])


@router.websocket("/feed/{room}")
async def listen(websocket: WebSocket, room: str, ticket: Annotated[str, Depends(invited)]) -> None:
    """Say it again, louder. `bye` ends it."""
    await websocket.accept(subprotocol="loud" if "loud" in websocket.scope["subprotocols"] else None)
    await websocket.send_json({"room": room, "ticket": ticket})
    try:
        while (text := await websocket.receive_text()) != "bye":
            await websocket.send_text(text.upper())
    except WebSocketDisconnect:
        return
    await websocket.close(4000, "See you.")
