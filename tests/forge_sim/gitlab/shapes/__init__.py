"""The JSON of GitLab, as models written after its documentation; each names its page.

Answers are made of these models, so that nothing is said that is not described: a field that is not
listed, or of another type, is an error. They are a subset: GitLab says more than what is here.
"""
