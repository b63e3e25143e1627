"""The fields of a language record, and the English record.

Words are lower case. In scripts with spaces they are single words, with an apostrophe where they
contain one; in Chinese, Japanese, Korean and Thai they match anywhere in a run of text. A word may
have several roles. ``refusals`` and ``none_fits`` are regular expressions for lower-case text; if
``denials`` is set, every text they match contains one of those strings.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Language:
    """What the words of one language do around an option letter.

    Each field is a string of words with spaces between them:

    - ``answer``: nouns that introduce the answer even without a verb ("Answer B").
    - ``option``: nouns for what is chosen from ("option"); they introduce it with a verb only.
    - ``copula``: connects such a noun to a letter ("is"), or a clause to its letter ("means").
    - ``filler``: words that may come between them without changing the meaning ("the", "probably").
    - ``speaker``: who chooses ("I"); ``choose``: verbs of choosing that need one; ``chosen``: verbs
      that say by themselves who chooses ("elijo", "选").
    - ``correct``, ``wrong``: verdicts on a letter. ``fits``: verbs that are one ("B fits best").
    - ``negation``: negates the words after it; ``instead``: rejects the letter
        after it ("rather than B").
    - ``other``: makes an answer someone else's, an earlier or a second one ("initially").
    - ``hedge``: makes it a possibility ("might"); ``if_``: makes it a condition.
    - ``because``, ``so``: words that begin a reason and a conclusion; ``revise``: that announce
        another answer ("wait"); ``but``: follows a rejected letter ("not A but B").
    - ``or_``, ``and_``: what joins letters. ``yes``, ``no``: replies to one's own question.
    """

    name: str
    answer: str = ""
    option: str = ""
    copula: str = ""
    filler: str = ""
    speaker: str = ""
    choose: str = ""
    chosen: str = ""
    correct: str = ""
    wrong: str = ""
    fits: str = ""
    negation: str = ""
    instead: str = ""
    other: str = ""
    hedge: str = ""
    if_: str = ""
    because: str = ""
    so: str = ""
    revise: str = ""
    but: str = ""
    or_: str = ""
    and_: str = ""
    yes: str = ""
    no: str = ""
    denials: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    none_fits: tuple[str, ...] = ()


def words(text: str) -> frozenset[str]:
    """Write a set of words as one string."""
    return frozenset(text.split())


ENGLISH = Language(
    name="en",
    answer="answer answers ans solution verdict conclusion prediction final",
    option="option options choice choices selection response pick guess vote letter best match"
    " truth statement candidate closest label",
    copula="is was were are be being been as it's that's means equals"
    " remains corresponds matches match"
    " points point aligns supports support leads indicates suggests leaves leaving gives makes"
    " yields becomes seems",
    filler="the a an option options choice letter answer answers number either"
    " both only just simply"
    " clearly more most likely probably definitely certainly actually therefore thus hence indeed"
    " also still then now correct right best accurate accurately labelled labeled with that it it's"
    " is be must i'd say choose pick believe i think to of for us has should would can only final"
    " closest highly very perhaps maybe one statement my going toward towards",
    speaker="i we i'd i'll i'm i've let's we'd we'll my me",
    choose="choose chose chosen choosing select selected selecting pick picked"
    " picking go going went"
    " opt opting vote settle settled lean leaning say answer guess conclude bet believe think stick"
    " changed change changing revise revised switch switched choosen",
    chosen="selected picked chosen",
    correct="correct right true accurate best answer truth proper closest ideal",
    wrong="wrong incorrect incorrectly false inaccurate untrue out eliminated excluded discarded"
    " dismissed unlikely impossible invalid implausible contradicted unsupported irrelevant"
    " contradicts fails fail misses lacks absent worse worst wrongly unseen",
    fits="fits fit matches match works describes aligns agrees holds captures reflects represents"
    " answers summarizes summarises corresponds",
    negation="not never neither nor cannot no isn't aren't wasn't weren't"
    " doesn't don't didn't can't"
    " couldn't shouldn't wouldn't won't without hardly hard none ain't doubt",
    instead="than instead unlike versus vs over from discard dismiss exclude excluding eliminate"
    " eliminating eliminates rule ruled ruling rules out reject rejected rejecting avoid",
    other="nd rd second third next alternative alternatively runner-up other"
    " another least worst initial"
    " initially originally original first earlier previous previously draft distractor tempting"
    " tempted trap mistake mistaken mistakenly someone people others you"
    " wrong incorrect incorrectly"
    " opposite unlikely false inaccurate though",
    hedge="might may could possibly perhaps tempting plausible also seem look appear",
    if_="if unless whether had suppose supposing assuming were",
    because="because since as due given explanation",
    so="so thus therefore hence consequently accordingly finally ultimately overall",
    revise="wait actually correction sorry mean scratch rather no finally final revised conclusion"
    " guess forced",
    but="but it's it is rather",
    or_="or nor to through",
    and_="and",
    yes="yes true correct right yep ok",
    no="no false incorrect wrong nope not",
    denials=(
        *(" no ", "not", "n't", "unable", "sorry", "too ", "hard ", "difficult", "impossible"),
        *("please", "unclear", "insufficient", "missing", "incomplete", "as an ai", "none"),
        *("neither", "all of the", "both of the", "mistake", "error", "undefined", "n/a"),
    ),
    refusals=(
        r"\b(?:can(?:no|')t|can not|could(?:n't| not)|unable to|not able to|(?:im|not )possible to"
        r"|hard to|difficult to)\s+(?:\w+\s+){0,3}?(?:determine|answer|tell|see|identify|provide"
        r"|choose|view|verify|access|assist|help|process|analy[sz]e|watch|be (?:determined|answered"
        r"|provided)|say|know|confirm|decide|make out|conclude|select|pick|recogni[sz]e|find"
        r"|calculate|solve)\b",
        r"\b(?:do(?:es)? not|don't|doesn't|won't|will not) (?:allow|answer|permit)\b",
        r"\btoo \w+ (?:for me )?to (?:tell|see|determine|make out|say)\b",
        r"\b(?:i|we) (?:do not|don't) (?:know|have)\b|\bi'm sorry\b|\bsorry, (?:but )?i\b",
        r"\b(?:not (?:provide |contain |have |give )?(?:me )?enough|insufficient|no) "
        r"(?:information|context|evidence|data)\b|\bnot provide (?:any )?information\b",
        r"\bno (?:image|video|picture|frames?)\b.{0,20}\b(?:provided|attached|given|shown"
        r"|available)\b",
        r"\bplease (?:upload|provide|share|attach)\b|\bas an ai\b|\bunclear\b"
        r"|\binformation .{0,40}is (?:insufficient|missing|not (?:given|provided))\b"
        r"|\bquestion (?:is|seems to be) (?:not valid|incomplete|missing|unclear)\b",
    ),
    none_fits=(
        r"\b(?:none|neither) of (?:the |these |those )?(?!other)(?:\w+ )?"
        r"(?:above|options?|choices?|answers?|organisms?)\b|\bnone of (?:these|those|them)[.!\s]*$",
        r"\ball of the above\b|\bboth of the above\b|^\s*neither\W*$",
        r"\bno (?:correct |given |listed |valid |matching )?(?:option|choice|answer)s? (?:is|are"
        r"|fits?|match(?:es)?|for|among|given|provided|available|in)\b",
        r"\b(?:not|isn't|n't) (?:\w+ ){0,4}?(?:in|among|within|on|one of|an?|any of|match|provided"
        r"|listed|available|given|part of)\b(?: \w+){0,4}? (?:option|choice|list)s?\b",
        r"\b(?:options?|choices?)(?: \w+){0,3} (?:is|are) not (?:\w+ )?(?:available|listed|provided"
        r"|given|there|in|among|correct)\b",
        r"\b(?:answer|result|value) (?:is|was) not (?:available|listed|provided|given|there)\b",
        r"\b(?:options?|choices?) (?:\w+ )?(?:do|does) not (?:match|include|contain|meet|fit)\b",
        r"\b(?:mistake|error) in (?:the|this) (?:question|problem|options|choices|image)\b",
        r"\b(?:answer|x|value) is (?:n/a|none|undefined)\b|\(none\)",
    ),
)
