"""What an avatar file holds, read without trust: archives, arrays, pictures, the manifest, bodies."""
