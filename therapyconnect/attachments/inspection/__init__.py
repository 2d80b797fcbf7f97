"""Inspection: is this file what it says, and harmless enough to be handed on?"""

from therapyconnect.attachments.inspection.inspector import inspect
from therapyconnect.attachments.inspection.outcome import Inspected, Refused
from therapyconnect.attachments.inspection.process import InspectionBroken

__all__ = ["Inspected", "InspectionBroken", "Refused", "inspect"]
