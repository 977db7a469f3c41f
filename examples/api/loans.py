"""Loans: only for members, and what they may do depends on the scopes of their token."""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, Depends, Security
from pydantic import BaseModel

from examples.api.models import Loan, Member
from examples.api.security import current_member, refuse_robots
from examples.api.shelf import OpenShelf, Shelf

router = APIRouter(prefix="/loans", tags=["loans"], dependencies=[Depends(refuse_robots)])

Reader = Annotated[Member, Security(current_member, scopes=["loans:read"])]
Borrower = Annotated[Member, Security(current_member, scopes=["loans:read", "loans:write"])]


class Wish(BaseModel):
    """What a member wants to take home."""

    book_id: int


def print_receipt(shelf: Shelf, loan: Loan) -> None:
    """Print who has what, after the answer is sent."""
    shelf.receipts.append(f"{loan.member}: {loan.book.title}")


@router.get("")
async def list_loans(shelf: OpenShelf, member: Reader) -> list[Loan]:
    """The member's own loans."""
    return [loan for loan in shelf.loans.values() if loan.member == member.name]


@router.post("", status_code=201, response_model_exclude={"book": {"pages"}})
async def take_home(shelf: OpenShelf, member: Borrower, wish: Wish, after: BackgroundTasks) -> Loan:
    """Lend a book. The receipt is printed after the answer."""
    loan = shelf.lend(wish.book_id, member.name)
    after.add_task(print_receipt, shelf, loan)
    return loan


@router.get("/receipts", include_in_schema=False)
async def list_receipts(shelf: OpenShelf) -> list[str]:
    """What was printed."""
    return shelf.receipts
