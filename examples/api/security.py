"""Who asks, and what they may do: a bearer token of OAuth 2 with scopes. The token is the member's name here."""

from typing import Annotated

from fastapi import Depends, Header, HTTPException, Security, WebSocketException
from fastapi.security import APIKeyHeader, OAuth2PasswordBearer, SecurityScopes

from examples.api.models import Member

MEMBERS = {
    "ada": Member(name="ada", scopes=("loans:read", "loans:write")),
    "bob": Member(name="bob", scopes=("loans:read",)),
}

bearer = OAuth2PasswordBearer(
    tokenUrl="/token", scopes={"loans:read": "See loans.", "loans:write": "Take and bring back books."}
)
librarian_key = APIKeyHeader(name="x-librarian", scheme_name="Librarian", auto_error=False)


def current_member(needed: SecurityScopes, token: Annotated[str, Depends(bearer)]) -> Member:
    """The member that the token stands for, if they may do this."""
    member = MEMBERS.get(token)
    if member is None:
        raise HTTPException(401, "Unknown token.", {"www-authenticate": f'Bearer scope="{needed.scope_str}"'})
    missing = [scope for scope in needed.scopes if scope not in member.scopes]
    if missing:
        raise HTTPException(403, f"Not allowed: {', '.join(missing)}.")
    return member


def require_librarian(key: Annotated[str | None, Security(librarian_key)]) -> None:
    """Only for who works here."""
    if key != "let-me-in":
        raise HTTPException(403, "Only for librarians.")


def refuse_robots(user_agent: Annotated[str, Header()] = "") -> None:
    """No robots in the reading room."""
    if "robot" in user_agent.lower():
        raise HTTPException(418, "No robots.")


def invited(ticket: str = "") -> str:
    """Who may listen to the feed."""
    if not ticket:
        raise WebSocketException(1008, "A ticket is needed.")
    return ticket
