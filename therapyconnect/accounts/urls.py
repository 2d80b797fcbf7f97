from django.urls import path

from therapyconnect.accounts.views import MeView, SettingsView

urlpatterns = [
    path("me/", MeView.as_view(), name="me"),
    path("me/settings/", SettingsView.as_view(), name="my-settings"),
]
