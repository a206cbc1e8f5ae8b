"""The errors a reader or downloader answers with: one sentence that names the file and the remedy."""


class DataError(Exception):
    """Data that is absent, damaged or not what was expected. Its message is shown to the person as it is."""
