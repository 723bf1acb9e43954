"""Services of the Generic Attribute Profile (GATT): one file a service, each in the words of its specification."""
