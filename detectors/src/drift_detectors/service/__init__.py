"""The service: intake over HTTP, the worker behind it, metrics, API and report page."""
