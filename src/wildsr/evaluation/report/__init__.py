"""The report of an evaluation: one self-contained HTML file."""

from wildsr.evaluation.report.page import Section, write_report

__all__ = ["Section", "write_report"]
