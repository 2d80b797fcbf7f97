"""Whom to call in a crisis, by region; in every answer to an emergency and every refusal of one."""
