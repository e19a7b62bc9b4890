"""What is known of prebuilt images: pure look-ups over tables that come with byoc or are newer.

``retrieve.py`` answers what the SageMaker SDK's ``image_uris.retrieve`` answers; ``catalogue.py`` has every
image by repository and tag; ``short.py`` reads ``dlc:`` names. Nothing here opens a file or reads the clock.
"""
