"""Upscaling of whole images and files with a Model: tiles, engines, jobs and their events."""
