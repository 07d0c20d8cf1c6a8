"""The hand-over report as a page to be printed: its template, its picture, its words."""
