"""One enterprise, one parcel, one year."""
