from cdr.models.browsing import ColumnChoice, SavedView
from cdr.models.call import Attempt, Call, CallRevision, Leg, Settlement
from cdr.models.event import Event
from cdr.models.exporting import ExportChunk, ExportJob
from cdr.models.mirror import Acc, MissedCall
from cdr.models.note import Note
from cdr.models.pending import Pending
from cdr.models.receiver import Receiver
from cdr.models.rejected import Rejected
from cdr.models.scheduling import ReportSchedule, ScheduledRun
from cdr.models.source import Source
from cdr.models.volume import Volume

__all__ = [
    "Acc",
    "Attempt",
    "Call",
    "CallRevision",
    "ColumnChoice",
    "Event",
    "ExportChunk",
    "ExportJob",
    "Leg",
    "MissedCall",
    "Note",
    "Pending",
    "Receiver",
    "Rejected",
    "ReportSchedule",
    "SavedView",
    "ScheduledRun",
    "Settlement",
    "Source",
    "Volume",
]
