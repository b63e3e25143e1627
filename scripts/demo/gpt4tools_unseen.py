"""The tools and items of the unseen split: none of these tools occurs in the seen one."""

from __future__ import annotations

from gpt4tools_prompt import Call, Item

TOOLS = {
    "Measure Gap": "estimates the distance between two objects in a picture. Its input is a comma "
    "separated string of three, representing the image_path, the first object and the second "
    "object.",
    "Day To Night": "makes a daylight picture look as if it had been taken after dark. Its input "
    "is a string, representing the image_path.",
    "Name The Plant": "tells which plant a picture shows. Its input is a string, representing the "
    "image_path.",
    "Postcard From Words": "designs a postcard for a text, starting from nothing but that text. "
    "Its input is a string, representing the text on the card.",
    "Sharpen Region": "brings out the detail in one part of a picture and leaves the rest as it "
    "is. Its input is a comma separated string of two, representing the image_path and the part "
    "to sharpen.",
    "Find Shadows": "lists where the shadows in a picture fall. Its input is a string, "
    "representing the image_path.",
    "Recolour Object": "paints one object of a picture in another colour. Its input is a comma "
    "separated string of three, representing the image_path, the object and the new colour.",
    "Guess Place": "says at what kind of place a picture was probably taken. Its input is a "
    "string, representing the image_path.",
}

ITEMS = (
    # One call; the target uses the image's real name.
    Item(
        image="a village square at noon",
        request="How would this look after dark? Make me such a version.",
        calls=(Call("Day To Night", "{image}", "{first}"),),
        reply="The night version is {first}.",
    ),
    Item(
        image="broad leaves with white veins in a pot",
        request="Which plant is it that {image} shows?",
        calls=(Call("Name The Plant", "{image}", "arrowhead vine"),),
        reply="The plant is an arrowhead vine.",
    ),
    Item(
        image="a bench and a tree in a park",
        request="About how far is the bench from the tree?",
        calls=(Call("Measure Gap", "{image}, bench, tree", "about 3 metres"),),
        reply="The bench stands about 3 metres from the tree.",
    ),
    Item(
        image="a white van by the kerb",
        request="Show me the van in dark green.",
        calls=(Call("Recolour Object", "{image}, van, dark green", "{first}"),),
        reply="Here is the van in dark green: {first}.",
    ),
    Item(
        image="rows of shelves under neon light",
        request="Where might {image} have been taken?",
        calls=(Call("Guess Place", "{image}", "a hardware shop"),),
        reply="It was probably taken in a hardware shop.",
    ),
    # One call; the target uses example.png.
    Item(
        image="a coin on a wooden desk",
        request="I cannot make out the rim of the coin. Sharpen it.",
        calls=(Call("Sharpen Region", "{image}, rim of the coin", "{first}"),),
        reply="The rim of the coin is sharper in {first}.",
        placeholder=True,
    ),
    Item(
        image="a row of poplars along a field path",
        request="Where do shadows fall in this picture?",
        calls=(Call("Find Shadows", "{image}", "on the path, to the right of each tree"),),
        reply="Shadows fall on the path, to the right of each tree.",
        placeholder=True,
    ),
    Item(
        image="a child's rubber boots on a doormat",
        request="Paint the boots yellow.",
        calls=(Call("Recolour Object", "{image}, boots, yellow", "{first}"),),
        reply="The boots are yellow in {first}.",
        placeholder=True,
    ),
    Item(
        image="a stone bridge over a stream",
        request="Turn this afternoon into a night scene.",
        calls=(Call("Day To Night", "{image}", "{first}"),),
        reply="The night scene is saved as {first}.",
        placeholder=True,
    ),
    Item(
        image="a hedge with small red berries",
        request="What grows in this hedge?",
        calls=(Call("Name The Plant", "{image}", "hawthorn"),),
        reply="It is hawthorn.",
        placeholder=True,
    ),
    # Two calls, the second on the file saved by the first.
    Item(
        image="a fishing boat on a beach in bright sun",
        request="Make the boat orange and then let it be night.",
        calls=(
            Call("Recolour Object", "{image}, boat, orange", "{first}"),
            Call("Day To Night", "{first}", "{second}"),
        ),
        reply="The orange boat at night is {second}.",
    ),
    Item(
        image="a blurred fern behind a stone",
        request="Sharpen the fern, and tell me its name from the sharper picture.",
        calls=(
            Call("Sharpen Region", "{image}, fern", "{first}"),
            Call("Name The Plant", "{first}", "hart's-tongue"),
        ),
        reply="The sharper picture is {first}. The fern is a hart's-tongue.",
    ),
    Item(
        image="a fuzzy view of two posts on a shore",
        request="Sharpen the posts, and measure in the result how far the left post is from the "
        "right post.",
        calls=(
            Call("Sharpen Region", "{image}, posts", "{first}"),
            Call("Measure Gap", "{first}, left post, right post", "about 6 metres"),
        ),
        reply="In the sharper picture {first} the posts stand about 6 metres apart.",
    ),
    Item(
        image="a town hall with flags",
        request="Give me a night version and list the shadows that are in it.",
        calls=(
            Call("Day To Night", "{image}", "{first}"),
            Call("Find Shadows", "{first}", "below the flags, beside the steps"),
        ),
        reply="The night version is {first}. Its shadows are below the flags and beside the steps.",
        placeholder=True,
    ),
    # The first call has already been made.
    Item(
        image="a garden gate in need of paint",
        request="Paint the gate blue and sharpen its hinges afterwards.",
        done=(Call("Recolour Object", "{image}, gate, blue", "{first}"),),
        calls=(Call("Sharpen Region", "{first}, hinges", "{second}"),),
        reply="The blue gate with sharper hinges is {second}.",
    ),
    Item(
        image="an empty platform at midday",
        request="Turn it into night, and guess the place from the result.",
        done=(Call("Day To Night", "{image}", "{first}"),),
        calls=(Call("Guess Place", "{first}", "a railway station"),),
        reply="The night version is {first}. It looks like a railway station.",
    ),
    Item(
        image="two hay bales on a slope",
        request="How far apart are the upper bale and the lower bale?",
        done=(Call("Measure Gap", "{image}, upper bale, lower bale", "about 20 metres"),),
        reply="The two bales are about 20 metres apart.",
    ),
    # No tool is needed.
    Item(
        request="Name a word that rhymes with lantern-light.",
        reply="A word that rhymes with it is night.",
    ),
    Item(
        request="How many minutes are there in three and a half hours?",
        reply="Three and a half hours are 210 minutes.",
    ),
    Item(
        image="a basket of apples under a tree",
        request="Lovely, is it not? Tell me how you spell the word orchard.",
        reply="It is spelt o-r-c-h-a-r-d.",
    ),
    Item(
        image="a wet umbrella in a hallway",
        request="Leave the picture for now. Which is colder, ice or boiling water?",
        reply="Ice is colder than boiling water.",
    ),
    # The target call has an empty argument.
    Item(
        image="a lake with a rowing boat",
        request="Design a postcard about a day by the lake.",
        calls=(Call("Postcard From Words", "", "{first}"),),
        reply="The postcard is saved as {first}.",
    ),
    # An argument that contains a comma itself.
    Item(
        image="a wall of notices, one of them torn",
        request="Sharpen the torn notice, the one at the top left.",
        calls=(Call("Sharpen Region", "{image}, torn notice, top left", "{first}"),),
        reply="The torn notice is sharper in {first}.",
    ),
    Item(
        image="several chairs around a table",
        request="Paint the old, wobbly chair white.",
        calls=(Call("Recolour Object", "{image}, the old, wobbly chair, white", "{first}"),),
        reply="The chair is white in {first}.",
    ),
)
