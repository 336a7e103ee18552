"""
Ask in words: a question in Chinese or English, matched to the library and its slots without a language model or a network.

    text ──tokens──▶ atoms ──lexicon──▶ tokens of meaning ┐
                       └────mentions──▶ things named ─────┴──slots──▶ bound candidates ──ranking, directions──▶ scores ──confidence──▶ Reply

What is known of the field's words stands in `queries/ask/*.csv`; what is known of the case comes from the graph.
"""

from covalue.ask.asker import LONGEST, Asker, Reading, Reply, language_of

__all__ = ["LONGEST", "Asker", "Reading", "Reply", "language_of"]
