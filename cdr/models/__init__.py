from cdr.models.call import Attempt, Call, CallRevision, Leg
from cdr.models.event import Event
from cdr.models.handwork import Note, Settlement
from cdr.models.mirror import Acc, MissedCall
from cdr.models.pending import Pending
from cdr.models.receiver import Receiver
from cdr.models.rejected import Rejected
from cdr.models.source import Source

__all__ = [
    "Acc",
    "Attempt",
    "Call",
    "CallRevision",
    "Event",
    "Leg",
    "MissedCall",
    "Note",
    "Pending",
    "Receiver",
    "Rejected",
    "Settlement",
    "Source",
]
