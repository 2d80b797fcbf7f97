from django.urls import path

from therapyconnect.crisis.views import CrisisResourcesView

urlpatterns = [path("me/crisis-resources/", CrisisResourcesView.as_view(), name="my-crisis")]
