"""Who may say what a bundle is: TUF documents, keys, rules of acceptance, the trust of a zone."""
